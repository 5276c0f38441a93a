import CLinux
import Glibc
import LinuxSystem
import Processes

/// What a cgroup of `run` gets from the cgroup above it, if systemd has delegated that one to its
/// programs (Delegate=yes): the controllers, the limits, the owner. A program that manages cgroups
/// itself, as container runtimes do, then finds what it would find without mptcpize.
///
/// A cgroup passes controllers on only while it has no process itself (cgroups(7), "no internal
/// processes"). So the program moves down, and the keeper moves into a cgroup of its own.
struct Delegation {
    private let parent, child: String
    /// The controllers that the parent has, and did not pass on.
    private let controllers: [Substring]

    /// - Returns: nil where nothing was delegated.
    init?(to cgroup: Cgroup) {
        guard let slash = cgroup.path.lastIndex(of: "/") else { return nil }
        child = cgroup.path
        parent = String(cgroup.path[..<slash])
        guard Self.isDelegated(parent) else { return nil }
        let passed = Self.words(parent + "/cgroup.subtree_control")
        controllers = Self.words(parent + "/cgroup.controllers").filter { !passed.contains($0) }
    }

    /// Whether systemd has left this cgroup, or one above it, to what runs in it
    /// (https://systemd.io/CGROUP_DELEGATION: it marks such cgroups by an attribute).
    private static func isDelegated(_ path: String) -> Bool {
        var path = path[...]
        while let slash = path.lastIndex(of: "/") {
            for name in ["user.delegate", "trusted.delegate"] {
                var value: UInt8 = 0
                if getxattr(String(path), name, &value, 1) == 1, value == UInt8(ascii: "1") {
                    return true
                }
            }
            path = path[..<slash]
        }
        return false
    }

    private var keepersPlace: String { child + ".keeper" }

    /// In the keeper: leaves the parent.
    func stepAside() {
        if mkdir(keepersPlace, 0o755) == 0 { Self.write("0", to: keepersPlace + "/cgroup.procs") }
    }

    /// In the program's process, once it is in the child: gives the child what the parent has.
    /// What the kernel refuses, as where others are in the parent, is left out.
    func passOn() {
        for name in controllers { Self.write("+\(name)", to: parent + "/cgroup.subtree_control") }
        // Runtimes that look at their own cgroup only see the same limits.
        for limit in ["memory.max", "memory.high", "memory.swap.max", "cpu.max", "pids.max"] {
            guard let value = try? lines(ofFile: "\(parent)/\(limit)").first,
                !value.hasPrefix("max")
            else { continue }
            Self.write(value, to: "\(child)/\(limit)")
        }
        setxattr(child, "user.delegate", "1", 1, 0)
        setxattr(child, "trusted.delegate", "1", 1, 0)
        for name in ["", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"] {
            var status = stat()
            if stat(parent + name, &status) == 0 {
                _ = chown(child + name, status.st_uid, status.st_gid)
            }
        }
    }

    /// In the keeper, when the child is gone: leaves the parent as it was, unless another run is
    /// in there.
    func takeBack() {
        let others = directoryEntries(parent).contains { name in
            name.hasPrefix(TransientCgroup.prefix) && "\(parent)/\(name)" != keepersPlace
        }
        if !others {
            for name in controllers {
                Self.write("-\(name)", to: parent + "/cgroup.subtree_control")
            }
        }
        Self.write("0", to: parent + "/cgroup.procs")
        _ = rmdir(keepersPlace)
    }

    private static func words(_ path: String) -> [Substring] {
        ((try? lines(ofFile: path))?.first ?? "").split(separator: " ")
    }

    private static func write(_ text: some StringProtocol, to path: String) {
        guard let file = try? Descriptor.open(path, O_WRONLY) else { return }
        try? writeAll(text.utf8, to: file.number)
    }
}
