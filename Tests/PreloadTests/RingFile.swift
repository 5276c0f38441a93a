import Foundation
import SocketEvents
import TestSupport

/// An event ring of the test's own, to look at exactly what the preload library records.
final class RingFile {
    private let directory: TemporaryDirectory
    private let memory: UnsafeMutableRawPointer
    private let size = mptcpize_ring_size()
    private var ring: OpaquePointer { OpaquePointer(memory) }

    let path: String
    var environment: [String: String?] { ["MPTCPIZE_RING": path] }

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.file("ring")
        let fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
        guard fd >= 0, posix_fallocate(fd, 0, off_t(size)) == 0,
            let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0),
            memory != MAP_FAILED
        else { throw POSIXError(.ENOSPC) }
        close(fd)
        self.memory = memory
        mptcpize_ring_format(ring)
    }

    deinit { munmap(memory, size) }

    /// Records that found the ring full.
    var dropped: Int { Int(mptcpize_ring_dropped(ring)) }

    /// As the reader does when it goes.
    func end() { mptcpize_ring_end(ring) }

    /// Takes all records that are there.
    func events() -> [mptcpize_event] {
        var result: [mptcpize_event] = []
        var event = mptcpize_event()
        while mptcpize_ring_take(ring, &event) { result.append(event) }
        return result
    }
}

extension mptcpize_event {
    var kindName: String {
        let names = [
            "", "created", "listening", "connecting", "accepted", "duplicated", "closed",
            "remedied", "started", "forked", "inherited", "exec failed", "observed", "forking",
        ]
        return names.indices.contains(Int(kind)) ? names[Int(kind)] : "kind \(kind)"
    }

    var wireName: String {
        ["unknown", "mptcp", "fallback", "tcp", "listening", "unconnected"][Int(wire)]
    }
}
