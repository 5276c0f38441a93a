import BPFProgs
import CLibBPF
import Glibc
import SocketEvents

/// Records of what becomes of a cgroup's sockets, from the kernel: events.bpf.c, loaded for
/// this process and gone with it.
public struct KernelEvents: ~Copyable, EventSource {
    private let libbpf: LibBPF
    private let ring: OpaquePointer
    private let lostRecords: Descriptor
    private let links: [OpaquePointer]
    private var taken: [mptcpize_event] = []
    private var next = 0
    private var garbage: UInt64 = 0

    /// Records that are fetched at a time.
    private static let batch = 1024

    private init(
        libbpf: LibBPF, ring: OpaquePointer, lost: consuming Descriptor, links: [OpaquePointer]
    ) {
        self.libbpf = libbpf
        self.ring = ring
        lostRecords = lost
        self.links = links
    }

    /// Begins to watch.
    ///
    /// - Parameter state: of the program that selects: what it knows of this kernel.
    static func watch(
        _ cgroup: Cgroup, libbpf: LibBPF, state: mptcpize_bpf_state
    ) throws(Failure) -> KernelEvents {
        do throws(Errno) {
            return try load(describe(cgroup, state), libbpf)
        } catch {
            throw BPFRefusal.reporting(error)
        }
    }

    private static func load(
        _ description: mptcpize_events_run, _ libbpf: LibBPF
    ) throws(Errno) -> KernelEvents {
        var size = 0
        let bytes = mptcpize_events_object(&size)
        // Never closed: what is loaded stays as long as this process.
        guard let object = libbpf.calls.object_open_mem(bytes, size, nil),
            libbpf.calls.object_load(object) == 0
        else { throw Errno.last }
        func map(_ name: String) -> Int32 {
            libbpf.calls.map_fd(libbpf.calls.object_find_map_by_name(object, name))
        }
        var run = description
        var only: UInt32 = 0
        guard libbpf.calls.map_update_elem(map("run"), &only, &run, 0) == 0 else {
            throw Errno.last
        }
        var table = libbpf.calls
        let record = MemoryLayout<mptcpize_event>.size
        guard let ring = clibbpf_ring_open(&table, map("events"), record) else { throw Errno.last }
        let number = map("lost")
        let lost = Descriptor(
            owning: try retrying { fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) })
        let links = try programs.map { (name) throws(Errno) -> OpaquePointer in
            let program = libbpf.calls.object_find_program_by_name(object, name)
            guard let link = libbpf.calls.program_attach(program) else { throw Errno.last }
            return link
        }
        return KernelEvents(libbpf: libbpf, ring: ring, lost: lost, links: links)
    }

    /// The functions of events.bpf.c.
    private static let programs = [
        "mptcpize_socket", "mptcpize_connect", "mptcpize_listen", "mptcpize_accept",
        "mptcpize_shutdown", "mptcpize_release",
    ]

    private static func describe(
        _ cgroup: Cgroup, _ state: mptcpize_bpf_state
    ) throws(Errno) -> mptcpize_events_run {
        var run = mptcpize_events_run()
        run.cgroup = cgroup.id
        run.shallowest = cgroup.depth ?? 0
        run.deepest = cgroup.depth ?? MPTCPIZE_EVENTS_DEPTHS - 1
        run.mptcpv6 = state.mptcpv6
        run.pernet = state.pernet
        var namespace = stat()
        guard stat("/proc/self/ns/pid", &namespace) == 0 else { throw Errno.last }
        run.pid_device = UInt64(namespace.st_dev)
        run.pid_inode = UInt64(namespace.st_ino)
        return run
    }

    // MARK: EventSource

    var descriptors: [Int32] { [lostRecords.number] + links.map { libbpf.calls.link_fd($0) } }

    mutating func take() -> SocketEvent? {
        while fetch() {
            defer { next += 1 }
            if let event = SocketEvent(taken[next]) { return event }
            garbage += 1
        }
        return nil
    }

    /// Whether there is a record to take.
    private mutating func fetch() -> Bool {
        if next == taken.count {
            next = 0
            taken = []
            fetchMore()
        }
        return next < taken.count
    }

    /// - Returns: whether there was as much as is fetched at a time.
    @discardableResult
    private mutating func fetchMore() -> Bool {
        var table = libbpf.calls
        let more = [mptcpize_event](unsafeUninitializedCapacity: Self.batch) { buffer, count in
            count = clibbpf_ring_take(&table, ring, buffer.baseAddress!, Self.batch)
        }
        taken += more
        return more.count == Self.batch
    }

    /// A record that is not there yet is never waited for: the kernel finishes each one.
    mutating func abandonStuck() -> Bool { false }

    /// All that a process did is there when it has ended.
    var pending: UInt32 {
        mutating get {
            // Others may go on writing.
            let most = Int(MPTCPIZE_EVENTS_BYTES) / MemoryLayout<mptcpize_event>.size
            while taken.count - next < most, fetchMore() {}
            return UInt32(taken.count - next)
        }
    }

    /// Records without room, and calls for which the kernel skipped a program (see the
    /// spares of mptcpize.bpf.c), on the whole machine.
    var lost: UInt64 {
        var table = libbpf.calls
        var only: UInt32 = 0
        var count: UInt64 = 0
        _ = table.map_lookup_elem(lostRecords.number, &only, &count)
        return links.reduce(count + garbage) { sum, link in
            sum + UInt64(max(0, clibbpf_missed_runs(&table, libbpf.calls.link_fd(link))))
        }
    }
}
