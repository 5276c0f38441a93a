import CLinux
import LinuxSystem

/// One message of a datagram (struct nlmsghdr of linux/netlink.h, and what follows it).
package struct NetlinkMessage {
    package let type: UInt16
    package let flags: UInt16
    package let sequence: UInt32
    package let payload: ByteView

    /// sizeof(struct nlmsghdr): u32 length (itself included), u16 type, u16 flags,
    /// u32 sequence number, u32 port.
    static let headerSize = 16

    /// The errno that an NLMSG_ERROR, or an NLMSG_DONE, carries; nil for none.
    var error: Errno? {
        guard let code = payload.load(Int32.self, at: 0), code < 0, code > Int32.min else {
            return nil
        }
        return Errno(rawValue: -code)
    }

    /// Takes the messages of a datagram apart, up to the first that is not whole.
    static func each(in datagram: ByteView, _ body: (NetlinkMessage) -> Void) {
        var rest = datagram
        while let length = rest.load(UInt32.self, at: 0), length >= headerSize,
            let message = rest.part(from: 0, count: Int(length)),
            let type = message.load(UInt16.self, at: 4),
            let flags = message.load(UInt16.self, at: 6),
            let sequence = message.load(UInt32.self, at: 8)
        {
            body(
                NetlinkMessage(
                    type: type, flags: flags, sequence: sequence,
                    payload: message.dropFirst(headerSize)))
            rest = rest.dropFirst(aligned(Int(length)))
        }
    }
}

/// The attributes in a stretch of bytes (struct nlattr of linux/netlink.h), up to the first
/// that is not whole.
struct NetlinkAttributes: Sequence, IteratorProtocol {
    private var rest: ByteView

    init(_ bytes: ByteView) { rest = bytes }

    /// sizeof(struct nlattr): u16 length (itself included), u16 type.
    static let headerSize = 4

    mutating func next() -> (type: UInt16, value: ByteView)? {
        guard let length = rest.load(UInt16.self, at: 0), length >= Self.headerSize,
            let type = rest.load(UInt16.self, at: 2),
            let attribute = rest.part(from: 0, count: Int(length))
        else { return nil }
        rest = rest.dropFirst(aligned(Int(length)))
        // The upper two bits say "nested" and "big endian", linux/netlink.h.
        return (type & 0x3FFF, attribute.dropFirst(Self.headerSize))
    }
}

/// A request under construction.
package struct NetlinkRequest {
    let type: UInt16
    let isDump: Bool
    var payload: [UInt8]
    /// Whether the kernel is to say that it is done, where it has nothing else to say.
    var wantsAnswer = false

    mutating func append(attribute type: UInt16, _ value: [UInt8]) {
        let length = UInt16(NetlinkAttributes.headerSize + value.count)
        payload += bytes(of: length) + bytes(of: type) + value
        payload += repeatElement(0, count: aligned(payload.count) - payload.count)
    }

    /// The bytes to send.
    func message(sequence: UInt32) -> [UInt8] {
        let flags =
            UInt16(NLM_F_REQUEST) | (isDump ? UInt16(NLM_F_ROOT | NLM_F_MATCH) : 0)
            | (wantsAnswer ? UInt16(NLM_F_ACK) : 0)
        let length = UInt32(NetlinkMessage.headerSize + payload.count)
        return bytes(of: length) + bytes(of: type) + bytes(of: flags) + bytes(of: sequence)
            + bytes(of: UInt32(0)) + payload
    }
}

/// Messages and attributes begin at multiples of 4 (NLMSG_ALIGNTO, NLA_ALIGNTO).
private func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

/// An integer's bytes, in host byte order.
func bytes(of value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value) { Array($0) }
}
