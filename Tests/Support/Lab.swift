import Foundation

/// Other kernels and other distributions. The scripts in scripts/lab fetch and start them, and
/// describe where they keep the files.
public enum Lab {
    /// The folder of a Debian kernel of a series ("5.10", "6.1", "6.12"), for `boot`.
    public static func kernel(_ series: String) throws -> String {
        try script("get-kernel", [series], timeout: .seconds(600)).lastLine
    }

    /// The folder of a small Debian system of a suite ("bullseye", "trixie"), with its
    /// systemd, python3 and libc. Never write into it: other tests use it too.
    ///
    /// - Parameter kind: what it has besides, as get-root calls it.
    public static func root(_ suite: String, kind: String? = nil) throws -> String {
        try script("get-root", [suite] + [kind].compactMap { $0 }, timeout: .seconds(900)).lastLine
    }

    /// Has a kernel in a virtual machine under software emulation run `payload`/run.sh as root in
    /// /t, and gives back what that wrote and its exit status. A machine is booted once, and runs
    /// payload after payload, each of which finds it as if it had just been booted; but for what
    /// changes the kernel itself: `root`, `parameters`, `restarts` and `memory` make one of their own.
    ///
    /// - Parameters:
    ///   - payload: a folder, copied into the machine as /t.
    ///   - root: a folder of `root(_:)`, to boot its systemd instead of a bare busybox.
    ///   - modules: kernel modules to load first, in this order.
    ///   - parameters: for the kernel's command line.
    ///   - restarts: whether the machine may restart; it then begins with run.sh again.
    ///   - memory: in MiB; nil for what vm-run gives it.
    public static func boot(
        kernel: String, payload: String, root: String? = nil, modules: [String] = [],
        parameters: String = "", restarts: Bool = false, memory: Int? = nil
    ) throws -> Outcome {
        if root == nil && parameters.isEmpty && !restarts && memory == nil {
            return try VirtualMachine.shared(kernel: kernel, modules: modules).run(payload)
        }
        var arguments: [String] = ["--limit", "\(VirtualMachine.limit.components.seconds)"]
        if let root { arguments += ["--root", root] }
        if restarts { arguments += ["--restarts"] }
        if let memory { arguments += ["--memory", "\(memory)"] }
        if !modules.isEmpty { arguments += ["--modules", modules.joined(separator: " ")] }
        if !parameters.isEmpty { arguments += ["--parameters", parameters] }
        return try run("vm-run", arguments + [kernel, payload])
    }

    /// Runs a script of the lab's for a machine.
    static func run(_ script: String, _ arguments: [String]) throws -> Outcome {
        // Longer than the machine may run: it may have to wait for another to end.
        try Background(
            [Repository.path("scripts/lab/\(script)")] + arguments, exactly: Environment.inherited,
            input: [], directory: nil
        ).wait(timeout: VirtualMachine.limit * 2)
    }

    @discardableResult
    static func script(
        _ name: String, _ arguments: [String], timeout: Duration = .seconds(60)
    ) throws -> String {
        let command = [Repository.path("scripts/lab/\(name)")] + arguments
        // The environment as it is: package managers may need its proxy settings.
        return try Background(
            command, exactly: Environment.inherited, input: [], directory: nil
        ).wait(timeout: timeout).orThrow(command).output
    }
}

/// A real systemd as PID 1 of namespaces of its own, over a throw-away overlay of a system's
/// root; ended with this object. Needs root.
public final class SystemdMachine: Sendable {
    private let state: TemporaryDirectory

    /// - Parameter root: the system whose systemd to boot: "/", or one of Lab.root.
    public init(root: String = "/") throws {
        state = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: state.file("share"), withIntermediateDirectories: false)
        try Lab.script("systemd-up", [state.path, root], timeout: .seconds(90))
    }

    deinit { _ = try? Lab.script("systemd-down", [state.path]) }

    /// A folder that the machine sees as /tmp/share, and vice versa.
    public var share: String { state.file("share") }

    /// Runs a command beside the machine's PID 1. It stays in the test's cgroup: what depends
    /// on the cgroup goes through `systemd-run --pipe --wait --collect`.
    @discardableResult
    public func run(_ arguments: [String], timeout: Duration = .seconds(240)) throws -> Outcome {
        try TestSupport.run(
            [Repository.path("scripts/lab/systemd-in"), state.path] + arguments, timeout: timeout)
    }
}

extension String {
    /// The last line that is not empty: what the lab's scripts answer with.
    fileprivate var lastLine: String { split(separator: "\n").last.map(String.init) ?? "" }
}
