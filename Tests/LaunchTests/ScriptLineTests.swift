import LinuxSystem
import Testing

@testable import Launch

@Suite("Scripts")
struct ScriptLineTests {
    @Test(
        "the first line, as the kernel reads it",
        arguments: [
            ("#!/bin/sh\nx", "/bin/sh", nil), ("#!/bin/sh", "/bin/sh", nil),
            ("#! \t/bin/sh  -eu \t\nx", "/bin/sh", "-eu"),
            ("#!/usr/bin/env -S a b\n", "/usr/bin/env", "-S a b"),
            ("#!relative/x\n", "relative/x", nil), ("#!/bin/sh\r\n", "/bin/sh\r", nil),
            ("#!/bin/sh\0-x\n", "/bin/sh", nil), ("#!/bin/sh a\0b\n", "/bin/sh", "a"),
        ] as [(String, String, String?)])
    func lines(head: String, interpreter: String, argument: String?) throws {
        let line = try #require(ScriptLine(Bytes(head)))
        #expect(line.interpreter.text == interpreter)
        #expect(line.argument?.text == argument)
    }

    @Test(
        "what the kernel takes for no script",
        arguments: ["", "#", "x", "#!", "#!  \n", "# !/bin/sh"])
    func none(head: String) {
        #expect(ScriptLine(Bytes(head)) == nil)
    }

    @Test("a line longer than the kernel reads")
    func long() {
        let name = "#!/" + String(repeating: "x", count: 300)
        #expect(ScriptLine(Bytes(Bytes(name).prefix(ScriptLine.longest))) == nil)
        let argument = Bytes(Bytes("#!/bin/sh " + String(repeating: "y", count: 300)).prefix(256))
        #expect(ScriptLine(argument)?.interpreter.text == "/bin/sh")
        #expect(ScriptLine(argument)?.argument?.count == 246)
    }

    @Test(
        "what env runs",
        arguments: [
            ("python3", "python3", nil, false), ("-S python3 -u", "python3", nil, false),
            ("-Spython3 -u", "python3", nil, false), ("-vS python3", "python3", nil, false),
            ("--split-string=python3 -u", "python3", nil, false),
            ("-S A=1 B= PATH=/x python3", "python3", "/x", false),
            ("-S -- python3", "python3", nil, false),
            ("-S -u HOME --unset=X python3", "python3", nil, false),
            ("-S -i python3", "python3", nil, true), ("-iS python3", "python3", nil, true),
            ("-S - python3", "python3", nil, true),
            ("-S -u LD_PRELOAD python3", "python3", nil, true),
            ("-S LD_PRELOAD= python3", "python3", nil, true),
            ("-S \"my program\" x", "my program", nil, false),
            (#"-S my\ program"#, "my program", nil, false), ("-S 'a'b", "ab", nil, false),
            ("python3 -u", "python3 -u", nil, false),
        ] as [(String, String, String?, Bool)])
    func env(argument: String, program: String, path: String?, loses: Bool) throws {
        let command = try #require(EnvCommand(argument: Bytes(argument)))
        #expect(command.program.text == program)
        #expect(command.path?.text == path)
        #expect(command.losesPreload == loses)
    }

    @Test(
        "what is not understood is left alone",
        arguments: ["-S", "A=1", "-S -C /x y", "-S --weird x"])
    func strange(argument: String) {
        #expect(EnvCommand(argument: Bytes(argument)) == nil)
    }
}
