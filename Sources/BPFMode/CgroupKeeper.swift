import CLinux
import Glibc
import LinuxSystem
import Processes

/// The process that stays after `mptcpize run`, to remove a transient cgroup after the last of its
/// processes has ended.
///
/// It is outside the cgroup, nobody waits for it, and it holds no descriptor, directory or terminal
/// of the program.
struct CgroupKeeper: ~Copyable {
    /// The keeper acts only once this is closed: until then the cgroup is empty because
    /// nobody has come.
    private let beginning: Descriptor

    private init(beginning: consuming Descriptor) { self.beginning = beginning }

    /// Starts it. It begins to act when this value is gone, or this process.
    ///
    /// - Parameter delegation: what is passed on to the cgroup; taken back at the end.
    static func start(
        for cgroup: Cgroup, _ delegation: Delegation?
    ) throws(Failure) -> CgroupKeeper {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw failure(cgroup, Errno.last) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let begun = Descriptor(owning: ends[0])
        let beginning = Descriptor(owning: ends[1])
        let between = clinux_fork()
        if between == 0 { split(cgroup, delegation, begun.number) }
        let error = Errno.last
        guard between > 0 else { throw failure(cgroup, error) }
        // Afterwards it holds nothing of ours any more. Without a status (ECHILD) where our
        // caller ignores SIGCHLD.
        var status: Int32 = 0
        let reaped = try? retrying { waitpid(between, &status, 0) } == between
        if reaped == true, status != 0 { throw failure(cgroup, Errno(rawValue: EAGAIN)) }
        return CgroupKeeper(beginning: beginning)
    }

    /// In the child: becomes nobody's, and the keeper's parent.
    private static func split(
        _ cgroup: Cgroup, _ delegation: Delegation?, _ begun: Int32
    ) -> Never {
        delegation?.stepAside()
        setsid()
        // A service manager that ends all of us is to wait for the program: we follow it.
        var all = sigset_t()
        sigfillset(&all)
        sigprocmask(SIG_BLOCK, &all, nil)
        _ = chdir("/")
        closeAll(but: begun)
        for _ in 0...STDERR_FILENO { _ = open("/dev/null", O_RDWR) }
        let keeper = clinux_fork()
        if keeper == 0 { keep(cgroup, delegation, begun) }
        _exit(keeper > 0 ? 0 : 1)
    }

    private static func keep(
        _ cgroup: Cgroup, _ delegation: Delegation?, _ begun: Int32
    ) -> Never {
        var byte: UInt8 = 0
        _ = try? retrying { read(begun, &byte, 1) }
        waitUntilEmpty("\(cgroup.path)/cgroup.events")
        TransientCgroup.remove(cgroup.path)
        delegation?.takeBack()
        // Which drops what has ended.
        _ = try? BPFSession.open()
        _exit(0)
    }

    private static func waitUntilEmpty(_ path: String) {
        guard let events = try? Descriptor.open(path, O_RDONLY) else { return }
        while isPopulated(events.number) {
            // Readable at all times; POLLPRI tells of a change since the last reading.
            var change = pollfd(fd: events.number, events: Int16(POLLPRI), revents: 0)
            _ = poll(&change, 1, -1)
        }
    }

    private static func isPopulated(_ events: Int32) -> Bool {
        var text = [UInt8](repeating: 0, count: 256)
        lseek(events, 0, SEEK_SET)
        let size = read(events, &text, text.count)
        return String(decoding: text.prefix(max(0, size)), as: UTF8.self).contains("populated 1")
    }

    private static func closeAll(but kept: Int32) {
        if kept > 0 { closeRange(0, kept - 1) }
        closeRange(kept + 1, Int32.max)
    }

    private static func failure(_ cgroup: Cgroup, _ error: Errno) -> Failure {
        Failure(
            .own, cgroup.path, "cannot start a process that removes it: \(error.reason)",
            remedy: error.remedyOfLimit)
    }
}
