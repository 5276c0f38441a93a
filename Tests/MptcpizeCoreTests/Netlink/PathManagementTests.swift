import Glibc
import Testing

@testable import MptcpizeCore

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
        endpoint: [UInt8] = endpoint, limits: [UInt8] = limits
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

    @Test("bytes of any kind are answered with a value or an error, never with a crash")
    func fuzz() {
        var random = SeededGenerator(state: 7)
        for _ in 0..<5000 {
            var endpoint = Self.endpoint
            var limits = Self.limits
            for _ in 0..<4 {
                let place = Int.random(in: 0..<limits.count, using: &random)
                endpoint[place] = UInt8.random(in: 0...255, using: &random)
                let other = Int.random(in: 0..<limits.count, using: &random)
                limits[other] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? PathManagement(over: Self.channel(endpoint: endpoint, limits: limits))
        }
    }
}
