import Foundation
import TestSupport
import Testing

/// What README shows of a language of ours is that language.
@Suite("Examples in README")
struct ReadmeTests {
    @Test("the rules for what stays TCP are rules")
    func policy() throws {
        let text = try String(contentsOfFile: Repository.path("README.md"), encoding: .utf8)
        let blocks = text.split(separator: "```\n").filter { $0.hasPrefix("tcp ") }
        try #require(blocks.count == 1)
        let directory = try TemporaryDirectory()
        let file = directory.file("policy.conf")
        try blocks[0].write(toFile: file, atomically: true, encoding: .utf8)
        let shown = try run([Products.mptcpize, "policy", "--policy", file])
        #expect(shown.succeeded && shown.errors.isEmpty, "\(shown)")
        #expect(shown.output.split(separator: "\n").count == 1 + 4, "\(shown)")
    }
}
