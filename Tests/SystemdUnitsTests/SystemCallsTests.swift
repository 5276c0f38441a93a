import Foundation
import TestSupport
import Testing

@testable import SystemdUnits

/// What a service's SystemCallFilter= has to let through, held against the preload library's
/// sources: whoever adds a system call there has to add it to the plan.
@Suite("System calls of the preload library")
struct SystemCallsTests {
    /// Inline functions of kernel.h, by the system call that each makes.
    private static let wrappers = [
        "kernel_getsockopt": "getsockopt", "kernel_setsockopt": "setsockopt",
        "kernel_ioctl": "ioctl", "kernel_getpid": "getpid", "kernel_get_file": "fstat",
        "kernel_milliseconds": "clock_gettime",
    ]

    /// Calls that no service is surprised by.
    private static let harmless: [String: Set<String>] = [
        // The program's own calls, made raw where there is no definition but ours.
        "next.c": ["*"],
        // Only with a ring, which no service is given.
        "record.c": ["*"], "unreached.c": ["*"], "exec.c": ["getpid"],
        // The ring again; and the IDs, for a C library without getauxval (glibc before 2.16).
        "state.c": ["lseek", "mmap", "prctl", "getuid", "geteuid", "getgid", "getegid"],
        // Compared with, or made with a ring only.
        "confinement.c": [
            "seccomp", "prctl", "landlock_create_ruleset", "landlock_restrict_self", "ioctl",
            "getpeername", "getpid", "clone", "clone3", "lseek", "faccessat", "statx", "getxattr",
            "readlinkat", "getuid", "geteuid", "getgid", "getegid", "dup", "dup2", "fcntl64",
            "sendmsg", "io_uring_setup",
        ],
        // When the program confines itself; for a corked socket; and where MPTCP is off. All are in
        // systemd's @default, which each list of allowed calls contains.
        "unasked.c": ["gettid", "set_tid_address"], "cork.c": ["getpid", "madvise"],
        "disabled.c": ["clock_gettime"],
    ]

    private func calls(in text: String) -> Set<String> {
        let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }
        let raw = words.filter { $0.hasPrefix("SYS_") }.map { String($0.dropFirst(4)) }
        return Set(raw + words.compactMap { Self.wrappers[String($0)] })
    }

    @Test("are those that the plan knows")
    func known() throws {
        let directory = Repository.path("Sources/Interposer")
        var made: Set<String> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
        where (name.hasSuffix(".c") || name.hasSuffix(".h")) && name != "kernel.h" {
            let text = try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8)
            let harmless = Self.harmless[name] ?? []
            if !harmless.contains("*") { made.formUnion(calls(in: text).subtracting(harmless)) }
        }
        #expect(made == Set(ServiceSandbox.calls + ServiceSandbox.callsForRules))
        #expect(Set(ServiceSandbox.calls).count == ServiceSandbox.calls.count)
    }

    @Test("are made in the library's own sources only, by the functions known here")
    func wrapped() throws {
        let header = try String(
            contentsOfFile: Repository.path("Sources/Interposer/kernel.h"), encoding: .utf8)
        let functions = header.split(separator: "\n").filter { $0.hasPrefix("static inline") }
            .compactMap { $0.split(separator: "(")[0].split(separator: " ").last }
        #expect(Set(functions.map(String.init)) == Set(Self.wrappers.keys))
        for part in ["SocketPolicy", "SocketEvents"] {
            let files = FileManager.default.enumerator(atPath: Repository.path("Sources/\(part)"))
            for case let name as String in try #require(files)
            where name.hasSuffix(".c") || name.hasSuffix(".h") {
                let text = try String(
                    contentsOfFile: Repository.path("Sources/\(part)/\(name)"), encoding: .utf8)
                #expect(!text.contains("SYS_") && !text.contains("syscall("), "\(part)/\(name)")
            }
        }
    }
}
