import Testing

@testable import MptcpizeCLI

@Suite("Units that begin with a dash")
struct DashedUnitsTests {
    @Test(
        "an argument goes behind a terminator, a value stays",
        arguments: [
            ("enable --mode bpf -.slice", "enable --mode bpf -- -.slice"),
            ("enable -.slice --now nginx", "enable --now nginx -- -.slice"),
            ("enable -- -.slice", "enable -- -.slice"),
            ("enable -.mount -- x", "enable -- -.mount x"),
            ("bpf attach --unit -.slice", "bpf attach --unit -.slice"),
            ("bpf attach --unit=-.slice", "bpf attach --unit=-.slice"),
            ("enable --nosuch nginx", "enable --nosuch nginx"), ("sockets -v", "sockets -v"),
        ])
    func words(_ typed: String, _ expected: String) {
        let words = typed.split(separator: " ").map(String.init)
        #expect(
            DashedUnits.asArguments(words) == expected.split(separator: " ").map(String.init))
    }
}
