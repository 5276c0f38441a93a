import CLinux
import Glibc
import LinuxSystem

/// The result of a dump.
package struct NetlinkDump<Item> {
    package var items: [Item]
    /// False where things kept changing while the kernel listed them: some may be missing,
    /// some twice.
    package var isConsistent: Bool
}

extension NetlinkChannel where Self: ~Copyable {
    /// Asks for a list and takes all parts of the answer. A list that changed under the
    /// kernel's hands (NLM_F_DUMP_INTR) is asked for again.
    ///
    /// - Parameter parse: makes an item of a message; nil leaves the message out.
    /// - Throws: what the kernel answered: EPERM, ENOENT where it has no such thing to list, …
    package func dump<Item>(
        _ request: NetlinkRequest, parse: (NetlinkMessage) -> Item?
    ) throws(Errno) -> NetlinkDump<Item> {
        let attempts = 5
        var dump = NetlinkDump<Item>(items: [], isConsistent: false)
        for attempt in 1...attempts {
            dump.items.removeAll(keepingCapacity: true)
            dump.isConsistent = true
            // A number of its own, so that nothing of an earlier list is taken for this one's.
            let sequence = UInt32(attempt)
            try exchange(request, sequence) { message in
                if message.flags & UInt16(NLM_F_DUMP_INTR) != 0 { dump.isConsistent = false }
                if let item = parse(message) { dump.items.append(item) }
            }
            if dump.isConsistent { break }
        }
        return dump
    }

    /// Asks for one thing.
    package func ask<Item>(
        _ request: NetlinkRequest, parse: (NetlinkMessage) -> Item?
    ) throws(Errno) -> Item? {
        var answer: Item?
        try exchange(request, 1) { answer = parse($0) ?? answer }
        return answer
    }

    private func exchange(
        _ request: NetlinkRequest, _ sequence: UInt32, _ body: (NetlinkMessage) -> Void
    ) throws(Errno) {
        // The kernel fills at most 32 KiB (netlink_dump of net/netlink/af_netlink.c).
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        try send(request.message(sequence: sequence))
        var isOver = false
        var failure: Errno?
        while !isOver {
            let count = try receive(into: buffer)
            let datagram = ByteView(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            NetlinkMessage.each(in: datagram) { message in
                guard message.sequence == sequence, !isOver else { return }
                switch Int32(message.type) {
                case NLMSG_NOOP: break
                case NLMSG_ERROR:
                    failure = message.error
                    isOver = true
                case NLMSG_DONE:
                    failure = message.error
                    // The flag may be on this message only.
                    body(message)
                    isOver = true
                default:
                    body(message)
                    // An answer of a single message has no NLMSG_DONE after it.
                    if message.flags & UInt16(NLM_F_MULTI) == 0 { isOver = true }
                }
            }
            // A datagram without a whole message would be followed by nothing.
            if count == 0 { throw Errno(rawValue: EBADMSG) }
        }
        if let failure { throw failure }
    }
}
