import Glibc
import LinuxSystem
import Recordings
import SocketValues
import TestSupport
import Testing

@testable import Netlink

@Suite("The kernel's path manager")
struct PathManagementTests {
    /// CTRL_CMD_NEWFAMILY for mptcp_pm as family 29 with two multicast groups.
    private static let family: [UInt8] = {
        func group(_ name: String, _ id: UInt32) -> [UInt8] {
            Messages.attribute(1, Array(name.utf8) + [0])  // CTRL_ATTR_MCAST_GRP_NAME
                + Messages.attribute(2, Messages.bytes(id))  // CTRL_ATTR_MCAST_GRP_ID
        }
        let groups =
            Messages.attribute(1 | 0x8000, group("mptcp_pm_cmds", 9))
            + Messages.attribute(2 | 0x8000, group("mptcp_pm_events", 10))
        return Messages.message(
            type: 16, flags: 0,
            [1, 2, 0, 0]  // CTRL_CMD_NEWFAMILY, version 2, reserved
                + Messages.attribute(2, Array("mptcp_pm\0".utf8))  // CTRL_ATTR_FAMILY_NAME
                + Messages.attribute(1, Messages.bytes(UInt16(29)))  // CTRL_ATTR_FAMILY_ID
                + Messages.attribute(7 | 0x8000, groups))  // CTRL_ATTR_MCAST_GROUPS
    }()

    /// 10.0.2.1, id 5, subflow and backup, on interface 3, with a flag of a newer kernel.
    private static let endpoint = Messages.message(
        type: 29,
        [3, 1, 0, 0]
            + Messages.attribute(
                1 | 0x8000,  // MPTCP_PM_ATTR_ADDR
                Messages.attribute(1, Messages.bytes(UInt16(AF_INET)))
                    + Messages.attribute(2, [5])  // MPTCP_PM_ADDR_ATTR_ID
                    + Messages.attribute(3, [10, 0, 2, 1])  // MPTCP_PM_ADDR_ATTR_ADDR4
                    + Messages.attribute(6, Messages.bytes(UInt32(0x106)))  // …_FLAGS
                    + Messages.attribute(7, Messages.bytes(Int32(3)))))  // …_IF_IDX

    private static let limits = Messages.message(
        type: 29, flags: 0,
        [6, 1, 0, 0]
            + Messages.attribute(2, Messages.bytes(UInt32(4)))  // MPTCP_PM_ATTR_RCV_ADD_ADDRS
            + Messages.attribute(3, Messages.bytes(UInt32(2))))  // MPTCP_PM_ATTR_SUBFLOWS

    private static func channel(
        family: [UInt8] = family, endpoint: [UInt8] = endpoint, limits: [UInt8] = limits
    ) -> RecordedChannel {
        RecordedChannel { request, _ in
            switch (request[4], request[16]) {
            case (16, _): [family]
            case (_, 3): [endpoint + Messages.done()]
            default: [limits]
            }
        }
    }

    @Test("endpoints and limits")
    func configured() throws {
        let management = try PathManagement(over: Self.channel())
        let endpoint = try #require(management.endpoints.first)
        #expect(management.endpoints.count == 1)
        #expect(endpoint.id == 5)
        #expect(endpoint.address.host == "10.0.2.1")
        #expect(endpoint.interface == 3)
        #expect(endpoint.flags.words == "subflow backup 0x100")
        #expect(management.limits == MPTCPLimits(subflows: 2, acceptedAddresses: 4))
    }

    @Test("the family's number and groups are the running kernel's")
    func family() throws {
        let family = try GenericNetlinkFamily("mptcp_pm", over: Self.channel())
        #expect(family?.id == 29)
        #expect(family?.groups == ["mptcp_pm_cmds": 9, "mptcp_pm_events": 10])
    }

    @Test("a kernel without MPTCP")
    func absent() {
        let channel = RecordedChannel { _, _ in [Messages.error(ENOENT)] }
        #expect(throws: Errno(rawValue: ENOENT)) { try PathManagement(over: channel) }
    }

    /// MPTCP_EVENT_ANNOUNCED: the peer of connection 7 has announced 10.0.2.2:8080.
    private static let announcement = Messages.message(
        type: 29, flags: 0,
        [6, 1, 0, 0]
            + Messages.attribute(1, Messages.bytes(UInt32(7)))  // MPTCP_ATTR_TOKEN
            + Messages.attribute(4, [2])  // MPTCP_ATTR_REM_ID
            + Messages.attribute(7, [10, 0, 2, 2])  // MPTCP_ATTR_DADDR4
            + Messages.attribute(10, Messages.bytes(UInt16(8080).bigEndian)))  // MPTCP_ATTR_DPORT

    private static func event(_ datagram: [UInt8]) -> PathEvent? {
        var found: PathEvent?
        datagram.withUnsafeBytes { bytes in
            NetlinkMessage.each(in: ByteView(bytes)) { found = PathEvent($0) ?? found }
        }
        return found
    }

    /// RTM_NEWROUTE: by interface 3, over 10.0.2.254.
    private static let route = Messages.message(
        type: 24, flags: 0,
        [2, 32, 32, 0, 254, 0, 0, 1, 0, 2, 0, 0]  // struct rtmsg
            + Messages.attribute(4, Messages.bytes(Int32(3)))  // RTA_OIF
            + Messages.attribute(5, [10, 0, 2, 254]))  // RTA_GATEWAY

    private static func route(_ answer: [UInt8]) throws(Errno) -> Route {
        try Route(
            to: SocketAddress(numeric: "198.51.100.1")!, from: SocketAddress(numeric: "10.0.2.1"),
            over: RecordedChannel { _, _ in [answer] })
    }

    @Test("an address that a peer announces, and a route")
    func announcedAndRouted() throws {
        let announced = try #require(Self.event(Self.announcement))
        #expect(announced.kind == .announced && announced.token == 7)
        #expect(announced.remote?.text == "10.0.2.2:8080" && announced.remoteID == 2)
        #expect(announced.local == nil)
        let route = try Self.route(Self.route)
        #expect(route.interface == 3 && route.gateway?.host == "10.0.2.254")
        #expect(throws: Errno(rawValue: ENETUNREACH)) {
            try Self.route(Messages.error(ENETUNREACH))
        }
    }

    @Test("bytes of any kind are answered with a value or an error, never with a crash")
    func fuzz() {
        var random = SeededGenerator(state: 7)
        let rounds = 5000
        var (managed, announced, routed) = (0, 0, 0)
        for _ in 0..<rounds {
            let channel = Self.channel(
                family: Bool.random(using: &random)
                    ? Self.family.mutated(using: &random) : Self.family,
                endpoint: Self.endpoint.mutated(using: &random),
                limits: Self.limits.mutated(using: &random))
            if let found = try? PathManagement(over: channel), !found.endpoints.isEmpty {
                managed += 1
                #expect(!found.endpoints[0].flags.words.contains("\n"))
            }
            if Self.event(Self.announcement.mutated(using: &random)) != nil { announced += 1 }
            if let route = try? Self.route(Self.route.mutated(using: &random)) {
                routed += 1
                #expect(route.gateway?.host.isEmpty != true)
            }
        }
        // Most are taken for what they say.
        for count in [managed, announced, routed] { #expect(count > rounds / 10) }
    }
}
