import Glibc
import SocketPolicy
import Testing

@Suite("Which sockets are upgraded")
struct UpgradeTests {
    static let families: [Int32] = [AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET]
    static let types: [Int32] = (0...10).map { $0 }
    static let flags: [Int32] = [
        0, Int32(SOCK_CLOEXEC.rawValue), Int32(SOCK_NONBLOCK.rawValue),
        Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue),
    ]
    static let protocols: [Int32] = [0, 1, 6, 17, 132, 255, 256, 262]

    @Test("exactly internet × stream × (0 or TCP), whatever the flags", arguments: families, types)
    func matrix(family: Int32, type: Int32) {
        for flag in Self.flags {
            for number in Self.protocols {
                let expected =
                    (family == AF_INET || family == AF_INET6)
                    && type == Int32(SOCK_STREAM.rawValue) && (number == 0 || number == 6)
                #expect(mptcpize_asks_for_tcp(family, type | flag, number) == expected)
            }
        }
    }

    @Test("only what lasts until reboot is remembered")
    func permanence() {
        let permanent = (1...200).filter { mptcpize_refusal_is_permanent($0) }
        #expect(Set(permanent) == [EINVAL, EPROTONOSUPPORT])
    }
}
