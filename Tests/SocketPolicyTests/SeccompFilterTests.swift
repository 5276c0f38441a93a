import SocketPolicy
import Testing

/// Filters as programs install them, run without the kernel. That the kernel answers the same
/// is shown by what confines itself in PreloadTests.
@Suite("What a seccomp filter answers")
struct SeccompFilterTests {
    typealias Step = mptcpize_filter_step

    // include/uapi/linux/bpf_common.h
    static let load: UInt16 = 0x20  // BPF_LD | BPF_W | BPF_ABS
    static let equal: UInt16 = 0x15  // BPF_JMP | BPF_JEQ | BPF_K
    static let end: UInt16 = 0x06  // BPF_RET | BPF_K
    static let allow = Step(code: end, if_true: 0, if_false: 0, operand: 0x7fff_0000)
    static let kill = Step(code: end, if_true: 0, if_false: 0, operand: 0x8000_0000)

    private static func step(
        _ code: UInt16, _ operand: UInt32 = 0, _ isTrue: UInt8 = 0, _ isFalse: UInt8 = 0
    ) -> Step {
        Step(code: code, if_true: isTrue, if_false: isFalse, operand: operand)
    }

    /// A call with the number 41 on x86-64 and these arguments.
    private func verdict(
        _ steps: [Step], _ first: UInt64 = 0, _ third: UInt64 = 0
    ) -> mptcpize_verdict {
        var call = mptcpize_system_call()
        call.number = 41
        call.architecture = 0xc000_003e
        call.arguments.0 = first
        call.arguments.2 = third
        return steps.withUnsafeBufferPointer { buffer in
            var filter = mptcpize_filter(length: UInt16(buffer.count), steps: buffer.baseAddress)
            return mptcpize_filter_verdict(&filter, &call)
        }
    }

    private func spares(_ steps: [Step], _ first: UInt64 = 0, _ third: UInt64 = 0) -> Bool {
        verdict(steps, first, third) == MPTCPIZE_VERDICT_ALLOWED
    }

    @Test(
        "allows, refuses, asks somebody, or kills",
        arguments: [
            (0x7fff_0000, MPTCPIZE_VERDICT_ALLOWED), (0x7ffc_0000, MPTCPIZE_VERDICT_ALLOWED),
            (0x7ff0_0001, MPTCPIZE_VERDICT_ASKED), (0x7fc0_0000, MPTCPIZE_VERDICT_ASKED),
            (0x0005_0001, MPTCPIZE_VERDICT_REFUSED), (0x0003_0000, MPTCPIZE_VERDICT_KILLED),
            (0x0000_0000, MPTCPIZE_VERDICT_KILLED), (0x8000_0000, MPTCPIZE_VERDICT_KILLED),
            (0x0123_0000, MPTCPIZE_VERDICT_KILLED),
        ] as [(UInt32, mptcpize_verdict)])
    func actions(action: UInt32, expected: mptcpize_verdict) {
        #expect(verdict([Self.step(Self.end, action)]) == expected)
        // The same out of the accumulator.
        #expect(verdict([Self.step(0x00, action), Self.step(0x16)]) == expected)
    }

    @Test("goes by number, architecture and each half of the arguments")
    func data() {
        let values: [(UInt32, UInt32)] = [
            (0, 41), (4, 0xc000_003e), (8, 0), (12, 0), (16, 2), (20, 1), (32, 262), (36, 0),
        ]
        for (offset, value) in values {
            for expected in [value, value &+ 1] {
                let steps = [
                    Self.step(Self.load, offset), Self.step(Self.equal, expected, 0, 1),
                    Self.allow, Self.kill,
                ]
                #expect(spares(steps, 1 << 32 | 2, 262) == (expected == value), "\(offset)")
            }
        }
        #expect(spares([Self.step(0x80), Self.step(Self.equal, 64, 0, 1), Self.allow, Self.kill]))
    }

    @Test(
        "calculates as the kernel does",
        arguments: [
            (0x04, 7, 19), (0x14, 7, 5), (0x24, 7, 84), (0x34, 7, 1), (0x44, 3, 15), (0x54, 6, 4),
            (0x64, 33, 24), (0x74, 2, 3), (0x84, 0, 0xffff_fff4), (0xa4, 10, 6),
        ] as [(UInt16, UInt32, UInt32)])
    func arithmetic(code: UInt16, operand: UInt32, result: UInt32) {
        let check = [Self.step(Self.equal, result, 0, 1), Self.allow, Self.kill]
        #expect(spares([Self.step(0x00, 12), Self.step(code, operand)] + check))
        // The other operand out of X, which came through memory and A.
        let prepare = [
            Self.step(0x00, operand), Self.step(0x02, 15), Self.step(0x61, 15),
            Self.step(0x03, 3), Self.step(0x60, 3), Self.step(0x07), Self.step(0x00, 12),
        ]
        #expect(spares(prepare + [Self.step(code | 8, 0)] + check))
    }

    @Test("a division by an X of 0 kills")
    func division() {
        #expect(!spares([Self.step(0x01, 0), Self.step(0x3c), Self.allow]))
    }

    @Test(
        "jumps",
        arguments: [
            (0x15, 12, true), (0x15, 13, false), (0x25, 11, true), (0x25, 12, false),
            (0x35, 12, true), (0x35, 13, false), (0x45, 4, true), (0x45, 3, false),
        ] as [(UInt16, UInt32, Bool)])
    func jumps(code: UInt16, operand: UInt32, isTaken: Bool) {
        let ends = [Self.kill, Self.allow]
        #expect(spares([Self.step(0x00, 12), Self.step(code, operand, 1, 0)] + ends) == isTaken)
        #expect(
            spares(
                [Self.step(0x01, operand), Self.step(0x00, 12), Self.step(code | 8, 0, 1, 0)]
                    + ends) == isTaken)
        // Always, and further than a byte can say.
        let far = [Self.step(0x05, 300)] + [Step](repeating: Self.kill, count: 300) + [Self.allow]
        #expect(spares(far))
        // TXA
        #expect(
            spares(
                [
                    Self.step(0x01, 9), Self.step(0x87), Self.step(Self.equal, 9, 0, 1),
                    Self.allow, Self.kill,
                ]))
    }
}
