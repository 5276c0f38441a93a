import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Launch

@Suite("What is started for a path")
struct ProgramFileTests {
    /// A machine with a shell, env and an interpreter, all of them dynamic programs.
    private func machine(_ scripts: [String: String]) throws -> FakeSystem {
        let program = try Bytes(contentsOf: "/bin/sh")
        var contents = scripts.mapValues { Bytes($0) }
        for path in ["/bin/sh", "/usr/bin/env", "/opt/tools/gawk"] { contents[path] = program }
        let loader = try #require(ELFImage(MemorySource(program))?.interpreter).text
        contents[loader] = []
        return FakeSystem(contents: contents)
    }

    private func follow(_ path: String, path search: String? = "/bin", on system: FakeSystem)
        throws(Unrunnable) -> ProgramFile
    {
        try ProgramFile(Bytes(path), searchPath: search.map { Bytes($0) }, on: system)
    }

    @Test(
        "scripts are followed to their interpreter",
        arguments: [
            ("#!/bin/sh\n", "/bin/sh"), ("#! /bin/sh -e", "/bin/sh"), ("echo hello\n", "/bin/sh"),
            ("", "/bin/sh"), ("#!/usr/bin/env gawk\n", "/opt/tools/gawk"),
            ("#!/usr/bin/env -S V=1 gawk -f\n", "/opt/tools/gawk"),
            ("#!/usr/bin/env -S PATH=/bin sh\n", "/bin/sh"),
            ("#!/usr/bin/env nosuch\n", "/usr/bin/env"), ("#!/usr/bin/env\n", "/usr/bin/env"),
            ("#!/usr/bin/env gawk -f\n", "/usr/bin/env"), ("#!/outer\n", "/bin/sh"),
        ])
    func scripts(text: String, program: String) throws {
        let system = try machine(["/script": text, "/outer": "#!/bin/sh\n"])
        let file = try follow("/script", path: "/usr/bin:/opt/tools", on: system)
        #expect(file.path.text == program)
        #expect(file.image?.loader == .glibc)
    }

    @Test("env may drop LD_PRELOAD")
    func clearing() throws {
        let system = try machine(["/x": "#!/usr/bin/env -S -i gawk\n"])
        #expect(try follow("/x", path: "/opt/tools", on: system).losesPreload)
    }

    @Test(
        "nginx and its kin wait for edges by what FIONREAD said, and nothing else is taken for them",
        .requires(.command("nginx", "curl")),
        arguments: [
            ("/usr/sbin/nginx", "nginx", true), ("/usr/sbin/nginx", "openresty", true),
            ("/usr/sbin/nginx", "nginx-debug", true), ("/usr/sbin/nginx", "server", false),
            ("/usr/bin/env", "nginx", false),
        ])
    func edges(file: String, name: String, counts: Bool) throws {
        let program = try Bytes(contentsOf: file)
        let loader = try #require(ELFImage(MemorySource(program))?.interpreter).text
        let system = FakeSystem(contents: ["/opt/\(name)": program, loader: []])
        #expect(try follow("/opt/\(name)", on: system).countsOnEdges == counts)
    }

    @Test("as deep as the kernel goes, and no deeper")
    func depth() throws {
        var scripts: [String: String] = ["/0": "#!/bin/sh\n"]
        for level in 1...6 { scripts["/\(level)"] = "#!/\(level - 1)\n" }
        let system = try machine(scripts)
        #expect(try follow("/4", on: system).path.text == "/bin/sh")
        #expect(throws: Unrunnable(ELOOP, found: Bytes("/5"))) { try follow("/5", on: system) }
    }

    @Test("scripts that name each other end")
    func circles() throws {
        let system = try machine([
            "/a": "#!/a\n", "/bin/b": "#!/usr/bin/env b\n",
        ])
        #expect(throws: Unrunnable(ELOOP, found: Bytes("/a"))) { try follow("/a", on: system) }
        #expect(try follow("/bin/b", on: system).image == nil)
    }

    @Test("a missing interpreter is named")
    func missing() throws {
        var system = try machine(["/script": "#!/no/such\n"])
        let error = #expect(throws: Unrunnable.self) { try follow("/script", on: system) }
        #expect(error?.missing?.text == "/no/such")
        #expect(error?.failure(for: Bytes("/script")).status == .notFound)
        system.files.removeValue(
            forKey: try #require(
                ELFImage(MemorySource(system.files["/bin/sh"]!.content))?.interpreter
            ).text)
        #expect(throws: Unrunnable.self) { try follow("/bin/sh", on: system) }
    }

    @Test("what cannot be executed")
    func refused() throws {
        var system = try machine(["/script": "#!/plain\n", "/plain": "x"])
        system.files["/plain"]?.mode = S_IFREG | 0o644
        system.files["/folder"] = .init(mode: S_IFDIR | 0o755)
        system.files["/fifo"] = .init(mode: S_IFIFO | 0o755)
        system.files["/loop"] = .init(error: ELOOP)
        for (path, errno) in [
            ("/plain", EACCES), ("/script", EACCES), ("/folder", EISDIR), ("/fifo", EACCES),
            ("/loop", ELOOP), ("/none", ENOENT),
        ] {
            let error = #expect(throws: Unrunnable.self) { try follow(path, on: system) }
            #expect(error?.errno.rawValue == errno)
        }
    }

    @Test("one that may not be read is still started")
    func unreadable() throws {
        var system = try machine([:])
        system.files["/bin/sh"]?.isReadable = false
        let file = try follow("/bin/sh", on: system)
        #expect(file.image == nil)
        #expect(file.path.text == "/bin/sh")
    }
}
