import LinuxSystem
import Testing

@Suite("Failures")
struct FailureTests {
    @Test("a message is one line, however the object is named")
    func oneLine() {
        let failure = Failure(
            .notFound, "a\nb\u{1B}[31m", "not found in PATH", remedy: "give a path")
        #expect(
            failure.message == #"mptcpize: a\nb\x1b[31m: not found in PATH; give a path"#)
    }

    @Test("an object with an empty name is named")
    func empty() {
        #expect(Failure(.usage, "", "is no name").message == "mptcpize: '': is no name")
    }

    @Test("nothing that a terminal would obey, or that turns a line around, is printed as it is")
    func printable() {
        let text = String(
            String.UnicodeScalarView((0...0x2100).compactMap { Unicode.Scalar($0) }))
        let printed = text.printable.unicodeScalars
        #expect(!printed.contains { $0.properties.generalCategory == .control })
        #expect(!printed.contains { $0.properties.isBidiControl })
        #expect("a\u{9B}2J\u{202E}é\u{1F600}\t".printable == #"a\x9b2J\u{202e}é😀\t"#)
    }
}
