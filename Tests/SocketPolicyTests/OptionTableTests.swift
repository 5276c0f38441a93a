import Glibc
import OptionHeaders
import SocketPolicy
import Testing

@Suite("The option table")
struct OptionTableTests {
    struct Line: Sendable {
        let level: Int32
        let number: Int32
        let label: String
        let reason: String
    }

    static let lines: [Line] = {
        var count = 0
        let table = mptcpize_option_table(&count)!
        return (0..<count).map {
            Line(
                level: table[$0].level, number: table[$0].number,
                label: String(cString: mptcpize_option_label(table + $0)),
                reason: String(cString: mptcpize_option_reason(table + $0)))
        }
    }()

    @Test("numbers are those of the kernel's headers")
    func numbers() {
        var compared = 0
        for line in Self.lines {
            let number = option_header_number(line.level, line.label)
            // Headers of the building machine may be older than the newest options.
            if number == -1 { continue }
            #expect(number == line.number, "\(line.label)")
            compared += 1
        }
        #expect(compared > 100)
    }

    @Test("is sorted, finds each of its lines and nothing else")
    func find() {
        for (before, line) in zip(Self.lines, Self.lines.dropFirst()) {
            #expect((before.level, before.number) < (line.level, line.number), "\(line.label)")
        }
        for line in Self.lines {
            let found = mptcpize_option_find(line.level, line.number)
            #expect(found?.pointee.number == line.number && found?.pointee.level == line.level)
        }
        #expect(mptcpize_option_find(SOL_SOCKET, SO_KEEPALIVE) == nil)
        #expect(mptcpize_option_find(17, 1) == nil)
        #expect(mptcpize_option_find(.max, .max) == nil)
        #expect(mptcpize_option_find(.min, .min) == nil)
    }

    @Test("every line has a reason that was not cut off")
    func reasons() {
        var count = 0
        let table = mptcpize_option_table(&count)!
        for (index, line) in Self.lines.enumerated() {
            #expect(line.reason.count > 8, "\(line.label)")
            #expect(table[index].reason.103 == 0 && table[index].label.31 == 0, "\(line.label)")
            let remedy = mptcpize_remedy(UInt32(table[index].remedy))
            #expect(remedy != MPTCPIZE_REMEDY_NONE, "\(line.label)")
            let otherwise = mptcpize_remedy(UInt32(table[index].otherwise))
            let isDemotion = remedy == MPTCPIZE_DEMOTE
            #expect(isDemotion == (otherwise != MPTCPIZE_REMEDY_NONE), "\(line.label)")
            #expect(otherwise != MPTCPIZE_DEMOTE && otherwise != MPTCPIZE_ADJUST)
        }
    }

    private func decide(
        _ level: Int32, _ number: Int32, _ value: Int32, family: Int32 = AF_INET,
        length: UInt32 = 4, isNull: Bool = false
    ) -> mptcpize_decision {
        withUnsafeBytes(of: value) {
            var setting = mptcpize_setting(
                option: mptcpize_option_find(level, number), level: level, number: number,
                value: isNull ? nil : $0.baseAddress, length: length, family: family,
                refusal: EOPNOTSUPP)
            return mptcpize_option_decide(&setting)
        }
    }

    @Test("a hint is ignored and kept, an impossible value refused as TCP does")
    func hints() {
        let quick = decide(6, 12, 7)
        #expect(quick.remedy == UInt8(MPTCPIZE_IGNORE.rawValue) && quick.keep && quick.kept == 1)
        let syncnt = decide(6, 7, 5)
        #expect(syncnt.remedy == UInt8(MPTCPIZE_IGNORE.rawValue) && syncnt.kept == 5)
        let excessive = decide(6, 7, 500)
        #expect(excessive.remedy == UInt8(MPTCPIZE_REFUSE.rawValue) && excessive.error == EINVAL)
        #expect(decide(6, 12, 1, length: 2).error == EINVAL)
        // IPPROTO_IP takes single bytes.
        #expect(decide(0, 10, 2, length: 1).remedy == UInt8(MPTCPIZE_IGNORE.rawValue))
        let null = decide(6, 12, 1, isNull: true)
        #expect(null.remedy == UInt8(MPTCPIZE_REFUSE.rawValue) && null.error == EFAULT)
    }

    @Test("what is kept is what TCP would tell, where it changes what was set")
    func told() {
        // TCP_LINGER2, TCP_WINDOW_CLAMP, IPV6_TCLASS.
        #expect(decide(6, 8, 0).kept == 60 && decide(6, 8, 500).kept == 120)
        #expect(decide(6, 8, -7).kept == -1 && decide(6, 8, 30).kept == 30)
        #expect(decide(6, 10, 100).kept == 1152 && decide(6, 10, 40000).kept == 40000)
        #expect(decide(41, 67, -1, family: AF_INET6).kept == 0)
    }

    @Test("only what MPTCP takes and TCP does not is out of range")
    func outOfRange() {
        let maxseg = mptcpize_option_find(6, 2)
        let syncnt = mptcpize_option_find(6, 7)
        for (option, value, expected) in [
            (maxseg, 40000, true), (maxseg, 1000, false), (syncnt, 40000, false),
        ] {
            withUnsafeBytes(of: Int32(value)) {
                var setting = mptcpize_setting()
                (setting.option, setting.level) = (option, 6)
                (setting.value, setting.length) = ($0.baseAddress, 4)
                #expect(mptcpize_option_is_out_of_range(&setting) == expected)
                setting.length = 2
                #expect(!mptcpize_option_is_out_of_range(&setting))
            }
        }
    }

    @Test("correctness replaces the socket if it can, and never for an option switched off")
    func demotion() {
        let ignore = UInt8(MPTCPIZE_IGNORE.rawValue)
        let refuse = UInt8(MPTCPIZE_REFUSE.rawValue)
        let timeout = decide(6, 18, 5000)
        #expect(timeout.replace && timeout.remedy == ignore && timeout.kept == 5000)
        #expect(!decide(6, 18, 0).replace && decide(6, 18, 0).remedy == ignore)
        // TCP itself judges the value; where it cannot be asked, the table does.
        let impossible = decide(6, 18, -1)
        #expect(impossible.replace && impossible.remedy == refuse && impossible.error == EINVAL)
        let distance = decide(0, 21, 255)
        #expect(distance.replace && distance.remedy == refuse && distance.error == EOPNOTSUPP)
        #expect(!decide(0, 21, 0).replace && decide(0, 21, 0).remedy == ignore)
        #expect(!decide(0, 2, 64).replace && decide(0, 2, 64).remedy == ignore)
        #expect(!decide(0, 2, -1).replace && decide(0, 2, -1).remedy == ignore)
        #expect(decide(0, 2, 1).replace)
    }

    @Test("what TCP does not know is refused as TCP refuses it")
    func unknown() {
        #expect(decide(6, 250, 1).error == ENOPROTOOPT)
        #expect(decide(6, 250, 1, length: 3).error == EINVAL)
        #expect(decide(41, 67, 16, family: AF_INET).error == ENOPROTOOPT)
        let inet6 = decide(41, 67, 16, family: AF_INET6)
        #expect(inet6.remedy == UInt8(MPTCPIZE_IGNORE.rawValue))
        #expect(mptcpize_option_get_error(nil, 6, AF_INET, EOPNOTSUPP) == ENOPROTOOPT)
        #expect(mptcpize_option_get_error(nil, 1, AF_INET, EOPNOTSUPP) == EOPNOTSUPP)
    }

    @Test("EINVAL is a refusal only of what is refused once connected")
    func refusals() {
        let reuse = mptcpize_option_find(SOL_SOCKET, SO_REUSEADDR)
        let quickack = mptcpize_option_find(6, 12)
        #expect(mptcpize_option_is_refusal(reuse, EINVAL))
        #expect(!mptcpize_option_is_refusal(quickack, EINVAL))
        #expect(mptcpize_option_is_refusal(quickack, ENOPROTOOPT))
        #expect(mptcpize_option_is_refusal(nil, EOPNOTSUPP))
        #expect(!mptcpize_option_is_refusal(reuse, EPERM))
    }

    @Test("a receive buffer is shown as the kernel shows it")
    func receiveBuffer() {
        #expect(mptcpize_receive_buffer_shown(0) == 2304)
        #expect(mptcpize_receive_buffer_shown(4096) == 8192)
        #expect(mptcpize_receive_buffer_shown(.max) == .max)
    }
}
