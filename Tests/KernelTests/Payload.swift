import Foundation
import TestSupport

/// A folder for Lab.boot that brings programs of this machine into a virtual one: each with
/// its libraries and its loader, at the paths that it looks for them.
final class Payload {
    private let directory: TemporaryDirectory
    private var taken: Set<String> = []

    var path: String { directory.path }

    init() throws {
        directory = try TemporaryDirectory()
    }

    /// Adds a program under a name to /usr/bin, or by its own name.
    func add(_ program: String, as name: String? = nil) throws {
        let file = program.contains("/") ? program : Environment.find(program) ?? program
        try place(file, at: "/usr/bin/\(name ?? (file as NSString).lastPathComponent)")
        let headers = try mustRun(["readelf", "--program-headers", file])
        guard
            let loader = headers.firstMatch(of: /interpreter: ([^\]]+)\]/).map({ String($0.1) })
        else { return }  // static
        try place(loader, at: loader)
        if loader.contains("musl") { return }
        // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)"
        for line in try mustRun(["ldd", file]).split(separator: "\n") {
            if let library = line.firstMatch(of: /=> (\/[^ ]+)/).map({ String($0.1) }) {
                try place(library, at: library)
            }
        }
    }

    /// Adds a file at a path of the virtual machine.
    func place(_ file: String, at path: String) throws {
        guard taken.insert(path).inserted else { return }
        let copy = directory.file("root\(path)")
        try mustRun(["install", "-D", "-m", "755", file, copy])
    }

    /// Adds a file to /t.
    func write(_ text: String, to name: String) throws {
        try directory.write(text, to: name)
    }

    /// Writes run.sh, which brings everything to its place and goes on with a script.
    func write(script: String) throws {
        try directory.write(
            """
            cp -a /t/root/. /
            mount -t tmpfs tmpfs /run
            \(script)
            """, to: "run.sh")
    }
}
