import CLinux
import Glibc
import LinuxSystem
import SocketEvents

/// The reader's end of the ring: the file, its lock and its mapping.
///
/// The file is removed with this value. Its lock shows that the reader lives: the next reader removes
/// files without a lock, which a killed reader has left.
package struct EventRing: ~Copyable, EventSource {
    /// Records in it that no writer of ours puts.
    package private(set) var garbage: UInt64 = 0

    private let place: RingPlace
    private let file: RingFile
    private let ring: OpaquePointer
    private var stuckSince: UInt64?

    /// How long a claimed slot may stay unpublished, in ns: writers need less than a
    /// microsecond, but can lose the CPU in the middle.
    private static let patience: UInt64 = 200_000_000

    /// Makes the ring in the first of `places` that takes it, after removing what dead
    /// readers have left there.
    ///
    /// - Throws: the reason of the last place, as our own failure (125).
    package init(in places: [RingPlace] = RingPlace.candidates()) throws(Failure) {
        var reasons: [String] = []
        var isFull = false
        for place in places {
            place.removeStale()
            do throws(Errno) {
                let file = try place.create()
                let size = mptcpize_ring_size()
                let memory = mmap(
                    nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor.number, 0)
                guard let memory, memory != MAP_FAILED else {
                    let error = Errno.last
                    place.remove(file.path)
                    throw error
                }
                ring = OpaquePointer(memory)
                self.file = file
                self.place = place
                mptcpize_ring_format(ring)
                return
            } catch {
                isFull = isFull || [ENOSPC, EDQUOT].contains(error.rawValue)
                reasons.append("\(place.directory) (\(error.reason))")
            }
        }
        throw Failure(
            .own, "event ring", "cannot be made in \(reasons.joined(separator: ", "))",
            remedy: (isFull
                ? "free \((mptcpize_ring_size() + 1 << 20 - 1) >> 20) MB there"
                : "name a directory that can be written to in XDG_RUNTIME_DIR")
                + ", or leave out --report and -d")
    }

    deinit {
        mptcpize_ring_end(ring)
        place.remove(file.path)
        munmap(UnsafeMutableRawPointer(ring), mptcpize_ring_size())
    }

    /// What MPTCPIZE_RING has to say.
    package var path: String { file.path }

    /// The one that holds the lock.
    package var descriptors: [Int32] { [file.descriptor.number] }

    /// Takes the oldest record; nil when there is none yet. Records that nobody of ours
    /// wrote are counted and skipped.
    package mutating func take() -> SocketEvent? {
        var record = mptcpize_event()
        // Bounded: writers can be faster than we are.
        for _ in 0..<MPTCPIZE_RING_SLOTS {
            guard mptcpize_ring_take(ring, &record) else { break }
            stuckSince = nil
            if let event = SocketEvent(record) { return event }
            garbage += 1
        }
        return nil
    }

    /// To be called when `take` gave nothing: gives up on the slot of a writer that died
    /// or stopped while writing, once it has kept everyone waiting too long.
    ///
    /// - Returns: whether another `take` is worth trying.
    package mutating func abandonStuck(now: UInt64) -> Bool {
        guard mptcpize_ring_pending(ring) > 0 else {
            stuckSince = nil
            return false
        }
        guard let since = stuckSince else {
            stuckSince = now
            return false
        }
        guard now - since >= Self.patience else { return false }
        return mptcpize_ring_abandon(ring)
    }

    package mutating func abandonStuck() -> Bool { abandonStuck(now: Self.now()) }

    /// Records that are in it and not taken yet.
    package var pending: UInt32 { mptcpize_ring_pending(ring) }

    /// Records lost for lack of room, or with their writer.
    package var dropped: UInt32 { mptcpize_ring_dropped(ring) }

    package var untold: [SocketEvent] { [] }

    package var lost: UInt64 { UInt64(dropped) + garbage }

    /// CLOCK_MONOTONIC, in ns.
    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
