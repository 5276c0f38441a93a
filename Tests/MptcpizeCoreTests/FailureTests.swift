import MptcpizeCore
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
}
