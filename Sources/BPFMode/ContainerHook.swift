import CLinux
import ConnectionPolicy
import Glibc
import LinuxSystem
import Processes

/// `mptcpize bpf attach --oci`: the hook that a container runtime calls before it starts a
/// container's program, and when that has ended.
///
/// It never prevents a container from starting: it always ends with success, within `limit`. It
/// writes an error as one line to the system's log, because runtimes discard the standard error of
/// hooks.
package enum ContainerHook {
    /// Runtimes kill a hook that takes longer than its definition allows (30 s in ours), and the
    /// container with it. The first attaching of all takes a fraction of a second.
    private static let limit = 20

    /// Does what the state on standard input asks for.
    package static func run() {
        // A child does the work: its crash, or waiting for ever, is no failure of the hook.
        let child = clinux_fork()
        if child == 0 {
            work()
            _exit(0)
        }
        guard child > 0 else { return log("cannot start a process: \(Errno.last.reason)") }
        let start = ContinuousClock.now
        var status: Int32 = 0
        while true {
            let ended = waitpid(child, &status, WNOHANG)
            if ended == child { break }
            if ended < 0, errno != EINTR { return }
            if ContinuousClock.now - start > .seconds(limit) {
                // What it leaves half done, the next command puts in order.
                kill(child, SIGKILL)
                _ = try? retrying { waitpid(child, &status, 0) }
                return log("not done within \(limit) s: a container that starts stays TCP")
            }
            usleep(2_000)
        }
        if status != 0 { log("ended by signal \(status & 0x7F): the container stays TCP") }
    }

    private static func work() {
        guard let bytes = try? Descriptor(owning: STDIN_FILENO).readAll(limit: OCIState.longest),
            let state = OCIState(parsing: bytes)
        else { return log("standard input is not the state of an OCI container") }
        let name = "container \(state.id.prefix(12))"
        switch state.request {
        case .nothing: return
        case .refuse(let reason): log("\(name): \(reason): it stays TCP")
        // Every session drops the containers that are gone; see BPFSession.mend().
        case .drop: _ = try? BPFSession.open().dropContainer(state.id)
        case .attach(let pid):
            do throws(Failure) {
                try attach(pid)
            } catch {
                log(
                    "\(name): \(error.object): \(error.reason): it stays TCP"
                        + (error.remedy.isEmpty ? "" : "; \(error.remedy)"))
            }
        }
    }

    private static func attach(_ pid: Int32) throws(Failure) {
        if isRootless {
            throw Failure(
                .failed, "BPF mode",
                "only root of the machine may attach, and this engine runs as a user",
                remedy: "as root: mptcpize enable --mode bpf user.slice")
        }
        let session = try BPFSession.open()
        let cgroup = try session.cgroup(pid: pid)
        let own = try session.cgroup(pid: getpid())
        // With `podman run --cgroups=disabled`, say: more than the container is in there.
        if own.path == cgroup.path || own.path.hasPrefix(cgroup.path + "/") {
            throw Failure(
                .failed, cgroup.path, "the container has no cgroup of its own",
                remedy: "start it without --cgroups=disabled")
        }
        let policy = try PolicyPlaces().policy(environment: { _ in nil }, status: .failed)
        let rules = try CgroupRules(policy)
        for rule in rules.leftOut {
            log("\(rule.origin.text): left out: a rule for one program cannot apply to a container")
        }
        for warning in try session.attach([(cgroup, rules)], as: .container) {
            log(warning.reason)
        }
    }

    /// Whether this is root of a user namespace only (user_namespaces(7)).
    private static var isRootless: Bool {
        let map = (try? lines(ofFile: "/proc/self/uid_map")) ?? []
        let whole = ["0", "0", "4294967295"]
        return !map.isEmpty && map.map { $0.split(separator: " ").map(String.init) } != [whole]
    }

    private static func log(_ text: String) {
        clinux_log_warning("mptcpize", "bpf attach --oci: \(text)".printable)
    }
}
