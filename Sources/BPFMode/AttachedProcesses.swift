import Processes

/// The processes whose new sockets the kernel makes MPTCP: those in the cgroups of
/// `mptcpize bpf attach`, and below.
///
/// This only reads: it takes no lock of BPFSession and repairs nothing. If a selection is being
/// replaced, it reads the old or the new one.
package final class AttachedProcesses {
    private let hierarchy: CgroupHierarchy
    private let selected: [String]

    /// Nil where nothing is attached, and for users who may not look.
    package init?() {
        // The pins are root's.
        guard let arePinned = try? BPFPins.exist(), arePinned,
            let libbpf = try? LibBPF(debug: false), let hierarchy = try? CgroupHierarchy()
        else { return nil }
        selected = Self.selectedCgroups(libbpf).compactMap { hierarchy.location(of: $0).path }
        self.hierarchy = hierarchy
        if selected.isEmpty { return nil }
    }

    private static func selectedCgroups(_ libbpf: LibBPF) -> [UInt64] {
        guard
            let program = try? BPFProgram.pinned(in: BPFPins.current, libbpf: libbpf),
            let selection = try? program.selected()
        else { return [] }
        return Array(selection.keys)
    }

    package func contains(_ pid: Int32) -> Bool {
        guard let own = try? hierarchy.cgroup(pid: pid).path else { return false }
        return selected.contains { own == $0 || own.hasPrefix($0 + "/") }
    }
}
