import Foundation
import TestSupport
import Testing

/// A virtual machine with the built mptcpize in it, with libbpf and all else that it loads.
struct BPFMachine {
    /// The series of kernels that have the hook: the first with long-term support, and the
    /// newest of the suites.
    static let kernels = ["6.12", "7.2"]

    let payload: TemporaryDirectory

    /// What scripts begin with. `inside CGROUP COMMAND…` runs a command in a cgroup.
    private static let prelude = """
        mkdir -p /lib64 /root /etc
        [ ! -e lib/ld-linux-x86-64.so.2 ] || cp lib/ld-linux-x86-64.so.2 /lib64/
        cg=/sys/fs/cgroup
        mptcpize() { LD_LIBRARY_PATH=/t/lib /t/mptcpize "$@"; }
        inside() { d=$1; shift; sh -c 'echo 0 >$0/cgroup.procs; exec "$@"' $d "$@"; }
        attached() {
          mptcpize bpf list --json | sed -n 's|.*"cgroup": "/sys/fs/cgroup/\\([a-z/]*\\)".*|\\1|p' |
            tr '\\n' ' '
        }
        if [ -e nft ]; then
          printf '#!/bin/sh\\nLD_LIBRARY_PATH=/t/lib exec /t/nft "$@"\\n' >/bin/nft; chmod 755 /bin/nft
        fi
        ip() { LD_LIBRARY_PATH=/t/lib /t/ip "$@"; }
        mkdir -p $cg/a/b $cg/c $cg/d

        """

    /// - Parameters:
    ///   - programs: files to put there, by the names they are to have.
    ///   - dynamic: the paths of programs to put there with the libraries that they load.
    init(_ programs: [String: String] = [:], dynamic: [String] = []) throws {
        payload = try TemporaryDirectory()
        let files = FileManager.default
        try files.createDirectory(
            atPath: payload.file("lib"), withIntermediateDirectories: false)
        for (name, path) in programs {
            try files.copyItem(atPath: path, toPath: payload.file(name))
        }
        try files.copyItem(atPath: Products.wholeCommand, toPath: payload.file("mptcpize"))
        let libbpf = "/usr/lib/x86_64-linux-gnu/libbpf.so.1"
        var libraries: Set = [libbpf, "/lib64/ld-linux-x86-64.so.2"]
        for program in dynamic { try mustRun(["cp", "-L", program, payload.path]) }
        let loading =
            [Products.wholeCommand, libbpf] + (programs["ip"].map { [$0] } ?? []) + dynamic
        for line in try mustRun(["ldd"] + loading).split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count > 2, words[1] == "=>" { libraries.insert(String(words[2])) }
        }
        for library in libraries {
            let name = URL(fileURLWithPath: library).lastPathComponent
            try mustRun(["cp", "-L", library, payload.file("lib/\(name)")])
        }
    }

    /// Boots a kernel, runs a script for busybox's shell, and gives back what it wrote.
    ///
    /// - Parameters:
    ///   - modules: kernel modules to load first.
    ///   - parameters: for the kernel's command line.
    func run(
        _ script: String, kernel: String, modules: [String] = [], parameters: String = ""
    ) throws -> Outcome {
        try payload.write(Self.prelude + script, to: "run.sh")
        return try Lab.boot(
            kernel: Lab.kernel(kernel), payload: payload.path, modules: modules,
            parameters: parameters)
    }
}

extension Requirement {
    /// What BPFMachine is made of.
    static let bpfMachine = Requirement("qemu-system-x86_64, busybox and libbpf1") {
        virtualMachines.isMet() && access("/usr/lib/x86_64-linux-gnu/libbpf.so.1", R_OK) == 0
    }
}

extension Outcome {
    /// The lines between "== name" and the next "==".
    func section(_ name: String) -> [String] {
        var lines: [String] = []
        var isInside = false
        for line in output.split(separator: "\n") {
            if line.hasPrefix("== ") {
                isInside = line == "== \(name)"
            } else if isInside {
                lines.append(String(line))
            }
        }
        return lines
    }
}
