import Foundation
import TestSupport
import Testing

/// `enable --mode bpf` of slices: all that starts in them, from the first socket on, for good.
@Suite("Slices by the kernel", .requires(.root), .requires(.bpfMachines))
struct SliceTests {
    private func run(_ script: String, restarts: Bool = false) throws -> Outcome {
        let guest = try ServiceGuest()
        try guest.bringLibBPF()
        return try guest.run(
            """
            cp -n /t/libraries/* /usr/lib/x86_64-linux-gnu/
            # Not again when the machine restarts: a unit may be about to read it.
            [ -e /t/protocol.py ] || cat >/t/protocol.py <<'PYTHON'
            import socket
            print(socket.socket().getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))
            PYTHON
            inside() { systemd-run -q --wait --pipe --slice=$1 python3 /t/protocol.py; }
            say() { echo "$1: $(inside $2)"; }
            files() { find /etc/systemd/system -printf '%p %M %l\\n' | sort; find /etc/systemd/system -type f | sort | xargs sha256sum; }

            """ + script, kernel: "6.12", restarts: restarts)
    }

    /// The lines "label: answer" of what was printed.
    private func answers(_ outcome: Outcome) -> [String: String] {
        var result: [String: String] = [:]
        for line in outcome.output.split(separator: "\n") {
            guard let colon = line.firstRange(of: ": ") else { continue }
            result[String(line[..<colon.lowerBound])] = String(line[colon.upperBound...])
        }
        return result
    }

    @Test("one that is not there yet, one that runs, and both made anew; gone with disable")
    func slices() throws {
        let outcome = try run(
            """
            files >/tmp/before
            say old-before old.slice
            mptcpize enable --mode bpf new-web.slice old.slice 2>&1 | sed 's/^/enabled /'
            say new new-web.slice; say old old.slice; say other other.slice
            systemctl stop new.slice old.slice
            say new-again new-web.slice; say old-again old.slice
            echo "list: $(mptcpize bpf list --json | grep -o '"unit": "[^"]*"' | sort | tr '\\n' ' ')"
            mptcpize status old.slice | head -1
            mptcpize enable --mode bpf old.slice 2>&1 | sed 's/^/again /'
            echo "== disabled"
            mptcpize disable new-web.slice; ls /etc/systemd/system/mptcpize-slice@.service
            say old-alone old.slice
            mptcpize disable old.slice
            files >/tmp/after; cmp /tmp/before /tmp/after && echo "files: same"
            say new-after new-web.slice; say old-after old.slice
            echo "units: $(systemctl list-units --all 'mptcpize*' --plain --no-legend | wc -l)"
            mptcpize bpf list
            """)
        #expect(outcome.succeeded, "\(outcome)")
        let said = answers(outcome)
        for (label, protocolNumber) in [
            ("old-before", "6"), ("new", "262"), ("old", "262"), ("other", "6"),
            ("new-again", "262"), ("old-again", "262"), ("old-alone", "262"), ("new-after", "6"),
            ("old-after", "6"), ("files", "same"), ("units", "0"),
            ("list", #""unit": "new-web.slice" "unit": "old.slice" "#),
        ] {
            #expect(said[label] == protocolNumber, "\(label): \(outcome)")
        }
        let drops = "(/etc/systemd/system/new-web.slice.d/50-mptcpize.conf)"
        #expect(
            outcome.output.contains(
                "enabled new-web.slice: enabled \(drops); attached whenever systemd makes it\n"))
        #expect(
            outcome.output.contains("attached: new sockets in it are MPTCP\n"))
        #expect(outcome.output.contains("again old.slice: was enabled already"))
        #expect(outcome.output.hasSuffix("No cgroup is attached.\n"), "\(outcome)")
    }

    @Test(
        "those that systemd always has: attached at boot, before what starts in them",
        arguments: ["system.slice", "-.slice"])
    func perpetual(_ slice: String) throws {
        let outcome = try run(
            """
            if [ ! -e /var/before ]; then
              cat >/etc/systemd/system/atboot.service <<'UNIT'
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            ExecStart=/usr/bin/python3 /t/protocol.py
            StandardOutput=file:/run/atboot
            [Install]
            WantedBy=test.target
            UNIT
              systemctl enable -q atboot
              files >/var/before
              say before system.slice
              mptcpize enable --mode bpf \(slice) 2>&1
              say now system.slice
              sync; systemctl reboot; sleep infinity
            fi
            until systemctl is-active -q atboot; do sleep 0.5; done
            echo "boot: $(cat /run/atboot)"
            journalctl -b -o cat | grep -ci 'ordering cycle'
            mptcpize bpf list
            mptcpize disable \(slice)
            files >/tmp/after; cmp /var/before /tmp/after && echo "files: same"
            say after system.slice
            """, restarts: true)
        #expect(outcome.succeeded, "\(outcome)")
        let said = answers(outcome)
        for (label, answer) in [
            ("before", "6"), ("now", "262"), ("boot", "262"), ("files", "same"), ("after", "6"),
        ] {
            #expect(said[label] == answer, "\(label): \(outcome)")
        }
        #expect(outcome.output.contains("\n0\n"), "no ordering cycle: \(outcome)")
    }

    @Test("names that are none, and what cannot be attached: the true reason")
    func refusals() throws {
        let outcome = try run(
            """
            cat >/etc/systemd/system/rooted.service <<'UNIT'
            [Service]
            RootDirectory=/srv/root
            ExecStart=/bin/sleep 1000
            UNIT
            printf '[Timer]\\nOnBootSec=1h\\nUnit=rooted.service\\n' >/etc/systemd/system/later.timer
            printf '[Service]\\nExecStart=/usr/bin/podman run box\\n' >/etc/systemd/system/pod.service
            printf '[Service]\\nExecStart=/usr/bin/podman run --cgroups=split box\\n' >/etc/systemd/system/split.service
            printf '[Service]\\nExecStart=/bin/sleep 1000\\n' >/etc/systemd/system/sleeper.service
            cat >/etc/systemd/system/bound.service <<'UNIT'
            [Service]
            Type=oneshot
            RootDirectory=/srv/root
            RootDirectoryStartOnly=yes
            BindReadOnlyPaths=/usr /etc /t
            ExecStart=/usr/bin/python3 /t/protocol.py
            UNIT
            mkdir -p /srv/root; for name in bin lib lib64; do ln -s usr/$name /srv/root/$name; done
            systemctl daemon-reload; systemctl start later.timer
            try() { mptcpize "$@" 2>&1 | sed "s/^/$* → /"; }
            try enable a.slice; try enable --mode bpf a--b.slice; try enable --user --mode bpf a.slice
            try enable --mode bpf rooted; try enable --mode bpf pod; try enable pod
            try enable --dry-run --mode bpf split
            try enable --mode bpf bound; systemctl start bound; journalctl -q --sync
            journalctl -b -u bound -o cat | grep -E '^(6|262)$' | sed 's/^/bound: /'
            for unit in later.timer sysinit.target nosuch nosuch.scope dbus.socket new.slice rooted; do
              try bpf attach --unit $unit
            done
            systemctl start sleeper.service
            try bpf attach --unit sleeper.service; try bpf attach --unit sleeper.service
            try bpf attach --unit -.slice; try bpf detach --unit -.slice
            mptcpize bpf attach --json --unit sleeper.service
            systemctl restart sleeper.service; mptcpize bpf list | grep -c gone
            mptcpize bpf list | grep -c gone; mptcpize bpf detach --gone; mptcpize bpf list
            """)
        #expect(outcome.succeeded, "\(outcome)")
        for line in [
            "enable a.slice → mptcpize: a.slice: is a slice, which starts no program itself; "
                + "`mptcpize enable --mode bpf a.slice` covers all that runs in it",
            "enable --mode bpf a--b.slice → mptcpize: a--b.slice: systemd cannot load it",
            "enable --mode bpf rooted → mptcpize: rooted.service: systemd would run mptcpize inside its "
                + "RootDirectory=, where it cannot attach anything; set RootDirectoryStartOnly=yes",
            "bound: 262\n",
            "enable --mode bpf pod → mptcpize: pod.service: podman runs its containers in "
                + "machine.slice/libpod-*.scope, not in the unit's cgroup; add --cgroups=split to "
                + "it, or `mptcpize enable --mode bpf machine.slice`",
            "enable pod → mptcpize: pod.service: podman starts containers, which no preload "
                + "library enters; they run in machine.slice/libpod-*.scope",
            "enable --dry-run --mode bpf split → # /etc/systemd/system/split.service.d/",
            "dbus.socket → mptcpize: dbus.socket: has no cgroup: systemd itself opens its sockets",
            "later.timer → mptcpize: later.timer: has no cgroup: a timer runs nothing itself; "
                + "`mptcpize enable --mode bpf rooted.service` covers what it starts",
            "sysinit.target → mptcpize: sysinit.target: has no cgroup: a target only groups units",
            "nosuch → mptcpize: nosuch.service: there is no such unit",
            "nosuch.scope → mptcpize: nosuch.scope: there is no such unit",
            "new.slice → mptcpize: new.slice: has no cgroup: nothing runs in it yet",
            "rooted → mptcpize: rooted.service: has no cgroup: it does not run",
            "sleeper.service → sleeper.service: attached, until it stops or restarts; "
                + "`mptcpize enable --mode bpf sleeper.service` attaches it for good",
            "sleeper.service → sleeper.service: was attached already, until it stops or restarts",
            "-.slice → -.slice: attached, until the machine restarts; ",
            #""changed": false"#, "sleeper.service: removed from the list",
        ] {
            #expect(outcome.output.contains(line), "\(line): \(outcome)")
        }
        #expect(outcome.output.contains("\n1\n1\n"), "listed as gone, twice: \(outcome)")
        #expect(outcome.output.hasSuffix("No cgroup is attached.\n"), "\(outcome)")
    }
}
