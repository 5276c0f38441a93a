import LinuxSystem
import Testing

@testable import SystemdUnits

@Suite("Unit files")
struct UnitFileTests {
    @Test("sections, comments, continued lines, and line ends of all kinds")
    func parsing() {
        let file = UnitFile(
            path: "x",
            text: """
                # comment \\
                [Unit]
                Description=a = b
                [Service]\r
                Environment=A=1 \\
                # inside
                ; and so
                  B=2
                 ExecStart = /bin/true
                Environment=
                Broken
                Environment=C=\\\\
                D=4
                [Bad
                Environment=no
                """)
        #expect(file.values("Description", in: "Unit") == ["a = b"])
        #expect(file.values("Environment", in: "Service") == ["A=1    B=2", "", #"C=\\"#])
        #expect(file.values("ExecStart", in: "Service") == ["/bin/true"])
        #expect(file.values("D", in: "Service") == ["4"])
    }

    @Test(
        "lines end as any system ends them, and a continued line goes on behind all of them",
        arguments: ["\n", "\r", "\r\n", "\n\r", "\0", "\n\0", "\r\n\0"])
    func lineEnds(_ end: String) {
        let text = ["[Service]", "A=1 \\", "# inside", "B=2", "C=3"].joined(separator: end)
        let file = UnitFile(path: "x", text: text)
        #expect(file.settings.map(\.value) == ["1  B=2", "3"])
    }

    @Test(
        "what ends a file, and what does not",
        arguments: [
            ("A=1\n[Service] ; x\n[Service]\nA=2", ["1"]), ("A=1\n=\nx\nA=2", ["1", "2"]),
            ("A=1\nB=\u{FFFF}\nA=2", ["1"]), ("A=1\n#\u{FFFF}\nA=2", ["1", "2"]),
            ("A=1\n\u{FEFF}A=2\n\u{FEFF}A=3", ["1", "2"]), ("A=1\\", ["1"]),
            ("A=1 \\ \nA=2", [#"1 \"#, "2"]), ("A=1 \\\n\nA=2", ["1", "2"]),
            ("A=1\n#" + String(repeating: "x", count: 1 << 20) + "\nA=2", ["1"]),
            ("A=1\n#" + String(repeating: "x", count: (1 << 20) - 2) + "\nA=2", ["1", "2"]),
            ("A=\u{301}", ["\u{301}"]),
        ])
    func ends(_ text: String, _ values: [String]) {
        let file = UnitFile(path: "x", text: "[Service]\n" + text)
        #expect(file.values("A", in: "Service") == values)
    }

    @Test(
        "words as systemd splits them",
        arguments: [
            (#"A=1 "B=two words" 'C="x"'"#, ["A=1", "B=two words", #"C="x""#]),
            (#"D="quoted part"rest"#, ["D=quoted partrest"]),
            (#"E=a\x41\101\n\"\s"#, ["E=aAA\n\" "]),
            (#"F=\u00e9 G=\U0001F600"#, ["F=é", "G=😀"]),
            ("", []), ("  \t ", []), (#""""#, [""]),
            // What makes no sense ends the list.
            (#"A=1 B=\q C=3"#, ["A=1"]), (#"A=1 "B=2"#, ["A=1"]), (#"A=1 B=\"#, ["A=1"]),
            (#"A=\x0"#, []), (#"A=\000"#, []), (#"A=\x+1 B=2"#, []), (#"A=\400 B=2"#, []),
            // A surrogate makes a word that is no UTF-8, and ends nothing.
            (#"A=\ud800 B=2"#, ["A=\u{FFFD}\u{FFFD}\u{FFFD}", "B=2"]), (#"A=\Ud8000000 B=2"#, []),
            // No white space to systemd.
            ("A=1\u{B}B=2\u{C}C=3", ["A=1\u{B}B=2\u{C}C=3"]),
        ])
    func words(_ text: String, _ words: [String]) {
        #expect(UnitWords.split(setting: text).map(\.text) == words)
    }

    @Test("what systemctl shows is escaped as for a shell")
    func shown() {
        #expect(
            UnitWords.split(#"A=1 "B=\$x\`y\` \"z\"" "C=\001""#) == [
                "A=1", #"B=$x`y` "z""#, "C=\u{1}",
            ])
        #expect(UnitWords.split(setting: #"A=1 B=\$x C=3"#) == [Bytes("A=1".utf8)])
    }

    @Test(
        "a quoted word is read back as it was",
        arguments: ["", "a", "two words", #"q"u'o\te"#, "tab\tline\nbell\u{7}", "é😀", "$LIB`x`"])
    func quoting(_ word: String) {
        let quoted = UnitWords.quote(word)
        #expect(UnitWords.split(quoted) == [word])
        #expect(!quoted.contains("\n"))
    }

    @Test("properties: several lines of one, and none")
    func properties() {
        let properties = UnitProperties(
            parsing: """
                Id=x.service
                Environment=A=1 "B=a \\$b"
                EnvironmentFiles=/etc/default/a (ignore_errors=yes)
                EnvironmentFiles=/etc/b (b) c (ignore_errors=no)
                ExecStart={ path=/bin/a b ; argv[]=/bin/a b --x ; ignore_errors=no ; }
                Listen=0.0.0.0:22 (Stream)
                Listen=/run/x (Datagram)
                User=
                """)
        #expect(properties["Id"] == "x.service")
        #expect(properties["User"] == "" && properties["Nothing"] == "")
        #expect(properties.words("Environment") == ["A=1", "B=a $b"])
        #expect(properties.environmentFiles.map(\.pattern) == ["/etc/default/a", "/etc/b (b) c"])
        #expect(properties.environmentFiles.map(\.isOptional) == [true, false])
        #expect(properties.programs == ["/bin/a b"])
        #expect(properties.listeners.map(\.address) == ["0.0.0.0:22", "/run/x"])
        #expect(properties.listeners.map(\.type) == ["Stream", "Datagram"])
    }

    @Test("properties of several units")
    func blocks() {
        let blocks = UnitProperties.blocks("Id=a.service\nUser=x\n\nId=b.service\n")
        #expect(blocks.map { $0["Id"] } == ["a.service", "b.service"])
        #expect(blocks.map { $0["User"] } == ["x", ""])
    }
}
