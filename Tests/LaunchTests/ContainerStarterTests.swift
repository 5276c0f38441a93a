import Testing

@testable import Launch

@Suite("Container engines")
struct ContainerStarterTests {
    private func starter(_ command: String, isRoot: Bool = true) -> ContainerStarter? {
        let words = command.split(separator: " ").map(String.init)
        return ContainerStarter(
            program: words[0], arguments: Array(words.dropFirst()),
            library: "/usr/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so", isRoot: isRoot)
    }

    @Test(
        "engines that start containers in a slice",
        arguments: [
            ("podman run box", "machine.slice"), ("/usr/bin/podman start web", "machine.slice"),
            ("podman --log-level debug run box", "machine.slice"),
            ("podman kube play a.yaml", "machine.slice"),
            ("podman run --cgroup-parent=web.slice box", "web.slice"),
            ("podman run --cgroup-parent web.slice box", "web.slice"),
            ("docker run box", "system.slice"), ("docker compose up", "system.slice"),
            ("docker-compose up -d", "system.slice"),
            ("docker run --cgroup-parent=web.slice box", "web.slice"),
            ("nerdctl run box", "system.slice"), ("ctr run box a", "-.slice"),
            ("crun run a", "-.slice"), ("runc run a", "-.slice"), ("youki create a", "-.slice"),
            ("systemd-nspawn -D /srv/a", "machine.slice"),
            ("systemd-nspawn --slice=web.slice -D /srv/a", "web.slice"),
            ("machinectl start a", "machine.slice"), ("lxc-start -n a", "-.slice"),
            ("lxc-execute -n a -- true", "-.slice"), ("incus exec a -- sh", "-.slice"),
            ("sh -c exec podman run box", "machine.slice"),
            ("env A=b podman run box", "machine.slice"),
            ("timeout 5 docker run box", "system.slice"),
        ])
    func elsewhere(_ command: String, _ slice: String) throws {
        let found = try #require(starter(command))
        guard case .slice(let place, _) = found.place else {
            Issue.record("\(found)")
            return
        }
        #expect(place == slice)
        #expect(found.reason == "starts containers, which no preload library enters")
        #expect(found.remedy(here: "").contains("`mptcpize enable --mode bpf \(slice)`"))
    }

    @Test("a user's own engine: below user.slice; a daemon's: where it was")
    func users() {
        #expect(
            starter("podman run box", isRoot: false)?.place
                == .slice("user.slice", cgroups: "scopes below user.slice"))
        #expect(
            starter("docker run box", isRoot: false)?.place
                == .slice("system.slice", cgroups: "system.slice/docker-*.scope"))
    }

    @Test(
        "what stays in the cgroup of its starter",
        arguments: [
            "podman run --cgroups=split box", "podman run --cgroups split box",
            "podman run --cgroups=disabled box", "systemd-nspawn --keep-unit -D /srv/a",
            "chroot /srv/a true", "/usr/sbin/chroot --userspec=a:b /srv/a", "schroot -c a",
            "firejail curl", "bwrap --tmpfs / true", "unshare --root=/srv/a true",
            "nsenter -t 1 -m true", "apptainer exec a.sif true",
            "bwrap --ro-bind /usr /usr --clearenv true", "bwrap --ro-bind /srv/usr /usr true",
            "bwrap --bind / / --tmpfs /usr true",
        ])
    func here(_ command: String) { #expect(starter(command)?.place == .here) }

    @Test(
        "what starts no container and changes no root",
        arguments: [
            "podman ps", "podman pull box", "docker images", "curl x", "chroot / true", "chroot",
            "systemd-nspawn --version", "bwrap --ro-bind /usr /usr true", "bwrap --bind / / true",
            "bwrap --dev-bind / / true", "unshare --net true", "nsenter -t 1 -n true", "sh -c true",
            "env podman ps", "podmanager run", "machinectl list",
        ])
    func none(_ command: String) { #expect(starter(command) == nil) }

    @Test("daemons: their containers run elsewhere")
    func daemons() {
        let docker = ContainerDaemon(program: "/usr/sbin/dockerd")
        #expect(
            docker?.reason
                == "the containers that it starts run elsewhere, in system.slice/docker-*.scope")
        #expect(docker?.command == "mptcpize enable --mode bpf system.slice")
        #expect(
            ContainerDaemon(program: "/usr/bin/containerd")?.command
                == "mptcpize enable --mode bpf kubepods.slice")
        #expect(ContainerDaemon(program: "/usr/sbin/nginx") == nil)
    }

    @Test("without a command line, an engine is one; Debian's script docker is podman")
    func unknown() {
        #expect(ContainerStarter(program: "podman", arguments: nil, isRoot: true) != nil)
        #expect(ContainerStarter(program: "chroot", arguments: nil, isRoot: true)?.place == .here)
        #expect(ContainerStarter(program: "curl", arguments: nil, isRoot: true) == nil)
        #expect(
            ContainerStarter(
                program: "/usr/bin/docker", arguments: ["run", "box"], isScript: true, isRoot: true
            )?.name == "podman")
    }
}
