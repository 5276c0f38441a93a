import CLinux
import Glibc
import LinuxSystem

/// A family of generic netlink (linux/genetlink.h). Its number changes from boot to boot.
struct GenericNetlinkFamily: Equatable {
    let id: UInt16
    /// Multicast groups by name.
    let groups: [String: UInt32]

    /// Nil where the kernel has no such family.
    init?(
        _ name: String, over channel: borrowing some NetlinkChannel & ~Copyable
    ) throws(Errno) {
        var request = Self.request(
            family: UInt16(GENL_ID_CTRL), command: UInt8(CTRL_CMD_GETFAMILY), version: 1)
        request.append(attribute: UInt16(CTRL_ATTR_FAMILY_NAME), Array(name.utf8) + [0])
        let answer: GenericNetlinkFamily?
        do throws(Errno) {
            answer = try channel.ask(request) { GenericNetlinkFamily($0) }
        } catch  where error.rawValue == ENOENT {
            return nil
        }
        guard let answer else { return nil }
        self = answer
    }

    private init?(_ message: NetlinkMessage) {
        guard Int32(message.type) == GENL_ID_CTRL else { return nil }
        var id: UInt16?
        var groups: [String: UInt32] = [:]
        for (type, value) in Self.attributes(of: message) {
            switch Int(type) {
            case Int(CTRL_ATTR_FAMILY_ID): id = value.load(at: 0)
            case Int(CTRL_ATTR_MCAST_GROUPS):
                for (_, group) in NetlinkAttributes(value) {
                    var name = ""
                    var number: UInt32?
                    for (type, value) in NetlinkAttributes(group) {
                        if Int(type) == Int(CTRL_ATTR_MCAST_GRP_NAME) { name = value.string }
                        if Int(type) == Int(CTRL_ATTR_MCAST_GRP_ID) { number = value.load(at: 0) }
                    }
                    if let number { groups[name] = number }
                }
            default: break
            }
        }
        guard let id else { return nil }
        self.id = id
        self.groups = groups
    }

    package func request(command: UInt8, version: UInt8, isDump: Bool = false) -> NetlinkRequest {
        Self.request(family: id, command: command, version: version, isDump: isDump)
    }

    private static func request(
        family: UInt16, command: UInt8, version: UInt8, isDump: Bool = false
    ) -> NetlinkRequest {
        // struct genlmsghdr: u8 command, u8 version, u16 reserved.
        NetlinkRequest(type: family, isDump: isDump, payload: [command, version, 0, 0])
    }

    /// What follows the struct genlmsghdr of a message.
    static func attributes(of message: NetlinkMessage) -> NetlinkAttributes {
        NetlinkAttributes(message.payload.dropFirst(4))
    }
}
