import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Launch

@Suite("What a preload library reaches")
struct ReachTests {
    /// The reach of one program, on a machine with it and the loader that it names.
    private func reach(
        _ content: Bytes, libraries: Set<Architecture> = [.native, .i386],
        _ change: (inout FakeSystem) -> Void = { _ in }
    ) throws -> Reach {
        var system = FakeSystem(contents: ["/x": content])
        if let loader = ELFImage(MemorySource(content))?.interpreter {
            system.files[loader.text] = .init()
        }
        change(&system)
        let file = try ProgramFile(Bytes("/x"), searchPath: nil, on: system)
        return Reach(to: file) { libraries.contains($0) }
    }

    private func fixture(_ flavour: Fixtures.Flavour, flags: [String] = []) throws -> Bytes {
        try Bytes(contentsOf: Fixtures.program("bench_start", flavour, flags: flags))
    }

    @Test("dynamic programs of either libc and word size", .requires(.flavour(.musl)))
    func dynamic() throws {
        for flavour in [Fixtures.Flavour.glibc, .musl, .i386, .threadSanitizer] {
            #expect(try reach(fixture(flavour)) == .preload)
        }
    }

    @Test("static programs", arguments: [Fixtures.Flavour.staticGlibc, .staticMusl])
    func statically(flavour: Fixtures.Flavour) throws {
        #expect(try reach(fixture(flavour)) == .never(.staticallyLinked))
    }

    @Test("position independent static programs")
    func staticPIE() throws {
        #expect(try reach(fixture(.glibc, flags: ["-static-pie"])) == .never(.staticallyLinked))
    }

    @Test("a dynamic loader started as a program")
    func loader() throws {
        let path = try #require(ELFImage(MemorySource(fixture(.glibc)))?.interpreter).text
        #expect(try reach(Bytes(contentsOf: path)) == .preload)
    }

    @Test("AddressSanitizer's shared runtime")
    func addressSanitizer() throws {
        let reach = try reach(fixture(.addressSanitizer))
        #expect(reach == .never(.addressSanitizer))
        #expect(!reach.helpsChildren)
    }

    @Test("an architecture without a library")
    func foreign() throws {
        #expect(try reach(fixture(.i386), libraries: [.native]) == .never(.noLibrary(.i386)))
    }

    @Test("Go programs, new and old", .requires(.command("go")))
    func go() throws {
        #expect(try reach(GoProgram.claiming("go1.21")) == .go(GoVersion("go1.21")))
        #expect(try reach(GoProgram.claiming("go1.20")) == .never(.oldGo(GoVersion("go1.20"))))
    }

    @Test("set-user-id, but not to the caller's own user or on a nosuid mount")
    func setUser() throws {
        let program = try fixture(.glibc)
        func reach(_ change: (inout FakeSystem) -> Void) throws -> Reach {
            try self.reach(program) { system in
                system.files["/x"]?.mode = S_IFREG | 0o4755
                change(&system)
            }
        }
        #expect(try reach { _ in } == .never(.privileges(.setUser)))
        #expect(try reach { $0.files["/x"]?.user = 1000 } == .preload)
        #expect(try reach { $0.user = 0 } == .preload)
        // Root changes its privileges too where a file belongs to somebody else.
        #expect(
            try reach {
                $0.user = 0
                $0.files["/x"]?.user = 33
            } == .never(.privileges(.setUser)))
        #expect(try reach { $0.nosuid = true } == .preload)
        #expect(try reach { $0.noNewPrivileges = true } == .preload)
        #expect(try reach { $0.files["/x"]?.isReadable = false } == .never(.privileges(.setUser)))
    }

    @Test("set-group-id, which needs the group's execution bit")
    func setGroup() throws {
        let program = try fixture(.glibc)
        func reach(_ mode: mode_t, group: gid_t = 0) throws -> Reach {
            try self.reach(program) {
                $0.files["/x"]?.mode = S_IFREG | mode
                $0.files["/x"]?.group = group
            }
        }
        #expect(try reach(0o2755) == .never(.privileges(.setGroup)))
        #expect(try reach(0o2745) == .preload)
        #expect(try reach(0o2755, group: 1000) == .preload)
    }

    @Test("file capabilities, but not for root")
    func capabilities() throws {
        let program = try fixture(.glibc)
        // Revision 2: magic and flags, permitted and inheritable, low and high words.
        let raw: Bytes = [1, 0, 0, 2, 0, 0x20, 0, 0] + Bytes(repeating: 0, count: 12)
        let inheritable: Bytes = [0, 0, 0, 2, 0, 0, 0, 0, 0, 0x20] + Bytes(repeating: 0, count: 10)
        func reach(_ value: Bytes, _ change: (inout FakeSystem) -> Void = { _ in }) throws -> Reach
        {
            try self.reach(program) { system in
                system.files["/x"]?.capabilities = value
                change(&system)
            }
        }
        #expect(try reach(raw) == .never(.privileges(.fileCapabilities)))
        #expect(
            try reach(raw) { $0.noNewPrivileges = true } == .never(.privileges(.fileCapabilities)))
        #expect(try reach(raw) { $0.user = 0 } == .preload)
        #expect(try reach(raw) { $0.nosuid = true } == .preload)
        #expect(try reach(inheritable) == .preload)
        #expect(try reach([1, 0]) == .preload)
    }

    @Test("a script's own set-id bits mean nothing")
    func setUserScript() throws {
        let program = try fixture(.glibc)
        let reach = try reach(Bytes("#!/bin/x\n")) { system in
            system.files["/x"]?.mode = S_IFREG | 0o6755
            system.files["/bin/x"] = .init(content: program)
            system.files[ELFImage(MemorySource(program))!.interpreter!.text] = .init()
        }
        #expect(reach == .preload)
    }

    @Test("one line says why, and what reaches it")
    func words() throws {
        let subject = Reach.Subject(program: Bytes("./x\n"), file: Bytes("./x\n"))
        func note(
            _ reach: Reach, userSetsGoDebug: Bool = false, kernel: Reach.KernelAnswer = .notAsked
        ) -> String? {
            reach.note(for: subject, userSetsGoDebug: userSetsGoDebug, kernel: kernel)
        }
        #expect(note(.preload) == nil)
        let begin = #"./x\n: statically linked, so no preload library reaches it: "#
        #expect(
            note(.never(.staticallyLinked))
                == begin + "it stays TCP; "
                + "`mptcpize run --mode bpf` reaches it (root, Linux 6.6 or newer), and so does "
                + "--mode seccomp (Linux 5.9 or newer)")
        #expect(
            note(.never(.staticallyLinked), kernel: .granted)
                == begin + "the kernel makes its sockets MPTCP (BPF mode)")
        #expect(
            note(.never(.staticallyLinked), kernel: .refused("/c: is read-only"))
                == begin + "it stays TCP; the BPF mode would reach it, but /c: is read-only; "
                + "`mptcpize run --mode seccomp` reaches it (Linux 5.9 or newer)")
        let new = Reach.go(GoVersion("go1.22.1"))
        #expect(
            note(new)?.contains("go1.22.1: GODEBUG=multipathtcp=1 makes it use MPTCP") == true)
        #expect(note(new)?.hasSuffix("mends its sockets' options, but --mode bpf does") == true)
        #expect(note(new, userSetsGoDebug: true)?.contains("your GODEBUG") == true)
        let old = note(.never(.oldGo(GoVersion("go1.19.8"))))
        #expect(old?.contains("go1.19.8, which does not know MPTCP") == true)
        let script = Reach.never(.staticallyLinked).note(
            for: .init(program: Bytes("script"), file: Bytes("/bin/static-sh")),
            userSetsGoDebug: false)
        #expect(script?.hasPrefix("script: /bin/static-sh: statically linked") == true)
    }
}
