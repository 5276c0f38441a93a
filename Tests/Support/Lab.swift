import Foundation

/// Other kernels and other distributions, fetched and started by scripts/lab, which says
/// how, and where it keeps what it fetched.
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

    /// Boots a kernel in a virtual machine under software emulation, has it run
    /// `payload`/run.sh as root in /t, and gives back what that wrote and its exit status.
    ///
    /// - Parameters:
    ///   - payload: a folder, copied into the machine as /t.
    ///   - root: a folder of `root(_:)`, to boot its systemd instead of a bare busybox.
    ///   - modules: kernel modules to load first, in this order.
    ///   - parameters: for the kernel's command line.
    ///   - restarts: whether the machine may restart; it then begins with run.sh again.
    public static func boot(
        kernel: String, payload: String, root: String? = nil, modules: [String] = [],
        parameters: String = "", restarts: Bool = false
    ) throws -> Outcome {
        // For a machine that hangs. Emulation takes as long as it takes: the longest ones need
        // two and a half minutes on two processors that nobody else uses.
        let limit = Duration.seconds(1800)
        var arguments: [String] = ["--limit", "\(limit.components.seconds)"]
        if let root { arguments += ["--root", root] }
        if restarts { arguments += ["--restarts"] }
        if !modules.isEmpty { arguments += ["--modules", modules.joined(separator: " ")] }
        if !parameters.isEmpty { arguments += ["--parameters", parameters] }
        let command = [Repository.path("scripts/lab/vm-run")] + arguments + [kernel, payload]
        // Longer than the machine may run: it may have to wait for another to end.
        return try Background(
            command, exactly: Environment.inherited, input: [], directory: nil
        ).wait(timeout: limit * 2)
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
/// root; halted with this object. Needs root.
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
