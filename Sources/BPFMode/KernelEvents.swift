import BPFProgs
import CLibBPF
import Glibc
import LinuxSystem
import Processes
import SocketEvents
import SocketRecords

/// Records from the kernel of what becomes of a cgroup's sockets. events.bpf.c makes them; it is
/// loaded for this process and ends with it.
package struct KernelEvents: ~Copyable, EventSource {
    private let libbpf: LibBPF
    private let ring: OpaquePointer
    private let counts, sockets: Descriptor
    private let calls: Calls
    private let ends: CgroupLinks?
    private var taken: [mptcpize_event] = []
    private var next = 0
    private var garbage: UInt64 = 0

    /// Records that are fetched at a time.
    private static let batch = 1024

    /// Begins to watch.
    ///
    /// - Parameters:
    ///   - directory: the cgroup's.
    ///   - state: of the program that selects: what it knows of this kernel.
    init(
        _ cgroup: Cgroup, _ directory: borrowing Descriptor, libbpf: LibBPF,
        state: mptcpize_bpf_state
    ) throws(Errno) {
        var size = 0
        let bytes = mptcpize_events_object(&size)
        // Never closed: what is loaded stays as long as this process.
        guard let object = libbpf.calls.object_open_mem(bytes, size, nil),
            libbpf.calls.object_load(object) == 0
        else { throw Errno.last }
        func map(_ name: String) -> Int32 {
            libbpf.calls.map_fd(libbpf.calls.object_find_map_by_name(object, name))
        }
        var run = try Self.describe(cgroup, state)
        func tell() throws(Errno) {
            var only: UInt32 = 0
            guard libbpf.calls.map_update_elem(map("run"), &only, &run, 0) == 0 else {
                throw Errno.last
            }
        }
        try tell()
        var table = libbpf.calls
        let record = MemoryLayout<mptcpize_event>.size
        guard let ring = clibbpf_ring_open(&table, map("events"), record) else { throw Errno.last }
        let counts = try Descriptor.duplicate(map("counts"))
        let sockets = try Descriptor.duplicate(map("sockets"))
        // Where another program of this kind suffers none beside it (EPERM), there are the others.
        let ends = try? CgroupLinks(object, directory, libbpf: libbpf)
        run.by_cgroup = ends == nil ? 0 : 1
        try tell()
        let calls = try Calls(object, libbpf: libbpf)
        self.libbpf = libbpf
        self.ring = ring
        self.counts = counts
        self.sockets = sockets
        self.calls = calls
        self.ends = ends
    }

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
        run.pid_inode = UInt64(namespace.st_ino)
        return run
    }

    // MARK: EventSource

    package var descriptors: [Int32] {
        let own = [counts.number, sockets.number] + calls.descriptors
        switch ends {
        case .some(let ends): return own + ends.descriptors
        case .none: return own
        }
    }

    package mutating func take() -> SocketEvent? {
        while fetch() {
            defer { next += 1 }
            if let event = SocketEvent(taken[next], byKernel: true) { return event }
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
    package mutating func abandonStuck() -> Bool { false }

    /// All that a process did is there when it has ended.
    package var pending: UInt32 {
        mutating get {
            // Others may go on writing.
            let most = Int(MPTCPIZE_EVENTS_BYTES) / MemoryLayout<mptcpize_event>.size
            while taken.count - next < most, fetchMore() {}
            return UInt32(taken.count - next)
        }
    }

    package var untold: [SocketEvent] {
        let hidden = MPTCPIZE_EVENTS_TOLD.rawValue | MPTCPIZE_EVENTS_IGNORED.rawValue
        var events: [SocketEvent] = []
        var key: UInt64 = 0
        var socket = mptcpize_events_socket()
        var answer = libbpf.calls.map_get_next_key(sockets.number, nil, &key)
        // Bounded: others may go on changing it.
        for _ in 0..<MPTCPIZE_EVENTS_SOCKETS where answer == 0 {
            if libbpf.calls.map_lookup_elem(sockets.number, &key, &socket) == 0,
                socket.flags & hidden == 0,
                let event = SocketEvent(Self.beginning(of: socket, key), byKernel: true)
            {
                events.append(event)
            }
            var last = key
            answer = libbpf.calls.map_get_next_key(sockets.number, &last, &key)
        }
        return events
    }

    private static func beginning(
        of socket: mptcpize_events_socket, _ inode: UInt64
    ) -> mptcpize_event {
        var record = mptcpize_event()
        record.kind = SocketEvent.Kind.created.rawValue
        record.pid = socket.pid
        record.fd = socket.fd
        record.family = socket.family
        record.got = socket.protocol
        record.error = socket.error
        record.inode = inode
        record.program = socket.program
        return record
    }

    /// What found no room, and calls that the kernel skipped a program for, on the whole
    /// machine, unless another program has told what that one would have.
    package var lost: UInt64 {
        var only: UInt32 = 0
        var count = mptcpize_events_counts()
        _ = libbpf.calls.map_lookup_elem(counts.number, &only, &count)
        let missed = calls.missed
        guard ends != nil else {
            return count.lost + garbage + missed.beginnings + missed.places + missed.others
                + missed.ends
        }
        return count.lost + garbage + missed.others + min(missed.ends, count.elsewhere)
            + (missed.places > count.made_up ? missed.places - count.made_up : 0)
    }
}

/// The programs that watch functions of the kernel.
private struct Calls {
    private let libbpf: LibBPF
    private let links: [(name: String, link: OpaquePointer)]

    init(_ object: OpaquePointer, libbpf: LibBPF) throws(Errno) {
        self.libbpf = libbpf
        let names = ["socket", "connect", "listen", "accept", "shutdown", "release"]
        links = try names.map { (name) throws(Errno) in
            let program = libbpf.calls.object_find_program_by_name(object, "mptcpize_\(name)")
            guard let link = libbpf.calls.program_attach(program) else { throw Errno.last }
            return (name, link)
        }
    }

    package var descriptors: [Int32] { links.map { libbpf.calls.link_fd($0.link) } }

    /// How often the kernel skipped them.
    var missed: (beginnings: UInt64, places: UInt64, others: UInt64, ends: UInt64) {
        var table = libbpf.calls
        func sum(_ names: String...) -> UInt64 {
            links.filter { names.contains($0.name) }.reduce(0) { sum, entry in
                let number = libbpf.calls.link_fd(entry.link)
                return sum + UInt64(max(0, clibbpf_missed_runs(&table, number)))
            }
        }
        return (
            sum("socket"), sum("connect", "listen", "accept"), sum("shutdown"), sum("release")
        )
    }
}

/// The programs that watch the cgroup.
private struct CgroupLinks: ~Copyable {
    private let begin, end: Descriptor

    init(
        _ object: OpaquePointer, _ directory: borrowing Descriptor, libbpf: LibBPF
    ) throws(Errno) {
        var table = libbpf.calls
        func program(_ name: String) -> Int32 {
            libbpf.calls.program_fd(libbpf.calls.object_find_program_by_name(object, name))
        }
        func link(_ answer: Int32) throws(Errno) -> Descriptor {
            guard answer >= 0 else { throw Errno.last }
            return Descriptor(owning: answer)
        }
        let end = try link(
            clibbpf_attach_sock_release(&table, program(MPTCPIZE_EVENTS_END), directory.number))
        let begin = try link(
            clibbpf_attach_sock_create(&table, program(MPTCPIZE_EVENTS_BEGIN), directory.number))
        self.begin = begin
        self.end = end
    }

    package var descriptors: [Int32] { [begin.number, end.number] }
}
