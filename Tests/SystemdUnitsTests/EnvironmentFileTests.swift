import LinuxSystem
import Testing

@testable import SystemdUnits

@Suite("Environment files")
struct EnvironmentFileTests {
    @Test(
        "assignments as systemd reads them",
        arguments: [
            ("A=1\nB=2\n", ["A=1", "B=2"]),
            ("# A=0 \\\nA=1", ["A=1"]),
            ("= \"x\nB=2", ["B=2"]), ("export A=1\n1A=2\nÉ=3\nB=4", ["B=4"]),
            ("\u{FEFF}A=1\nB=2", ["B=2"]), ("A=1\0\nB=2", []), ("A=\u{FFFF}\nB=2", []),
            ("A=\u{301}x", ["A=\u{301}x"]),
            ("; A=0\n  A = 1  \n", ["A=1"]),
            // Quotes inside of bare text are text; white space after quotes is none.
            (#"A="two words" and 'three  more'"#, ["A=two wordsand 'three  more'"]),
            (#"A="/a.so" '/b.so'  "#, ["A=/a.so/b.so"]),
            (#"A=a"b c"  "#, [#"A=a"b c""#]),
            (#"A=  a\  "#, ["A=a "]),
            ("A=one\\\n two\nB=x", ["A=one two", "B=x"]),
            (#"A="a\"b\$c\n""#, [#"A=a"b$c\n"#]),
            ("A=\"first\nsecond\"\nB=2", ["A=first\nsecond", "B=2"]),
            ("nothing\nA=1", ["A=1"]),
            ("A=\nB", ["A="]),
            (#"A='\'x"#, [#"A=\x"#]),
            ("A=1\r\nB=2\r\n", ["A=1", "B=2"]),
            ("A=\"open", ["A=open"]),
        ])
    func parsing(_ text: String, _ assignments: [String]) {
        #expect(EnvironmentFile.parse(text).map { "\($0.name)=\($0.value)" } == assignments)
    }

    @Test("before systemd 254, a comment could go on in the next line")
    func comments() throws {
        let text = Bytes("# A=0 \\\nA=1\nB=2 # \\\n3".utf8)
        let readings = try SystemdReading.all.map {
            try #require(EnvironmentFile.parse(text, reading: $0)).map(\.name)
        }
        #expect(readings == [["B"], ["B"], ["A", "B"]])
    }

    @Test(
        "a line is read back as it was",
        arguments: ["", "a b", #"/x/$LIB/y.so:"q"\z"#, "`a`'b'", "é", "a\nb"])
    func writing(_ value: String) {
        let read = EnvironmentFile.parse(EnvironmentFile.line("A", value) + "B=1\n")
        #expect(read.map(\.value) == [value, "1"])
    }
}
