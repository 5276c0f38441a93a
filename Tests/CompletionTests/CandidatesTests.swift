import Completion
import Foundation
import TestSupport
import Testing

@Suite("Names offered to completion")
struct CandidatesTests {
    @Test("a name that a shell would take apart is not offered")
    func plain() {
        for name in ["nginx.service", "foo@a-b.socket", "/sys/fs/cgroup/a_b", "g++", "7", "50%"] {
            #expect(Candidates.isPlain(name), "\(name)")
        }
        for name in [
            "$(reboot)", "`reboot`", "a b", "a\tb", "a\nb", "a:b", "a\\x2db", "~", "*", "{a,b}",
            "a'b", "a\"b", "a;b", "a&b", "<(b)", "é",
        ] { #expect(!Candidates.isPlain(name), "\(name)") }
    }

    @Test("programs of PATH, and of a directory that is named")
    func programs() throws {
        let directory = try TemporaryDirectory()
        for name in ["tool", "$(tool)"] {
            try directory.write("#!/bin/sh\n", to: name, mode: 0o755)
        }
        try directory.write("no program", to: "text")
        try FileManager.default.createDirectory(
            atPath: directory.file("sub"), withIntermediateDirectories: false)
        #expect(Candidates.programs("to", searchPath: "/nowhere:\(directory.path)") == ["tool"])
        #expect(
            Candidates.programs("\(directory.path)/t", searchPath: "")
                == ["sub/", "tool"].map(directory.file))
    }
}
