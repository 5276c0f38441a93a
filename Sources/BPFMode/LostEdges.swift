import CLinux
import LinuxSystem

/// What the BPF mode cannot mend: a BPF program cannot see FIONREAD, and cannot raise an edge.
package enum LostEdges {
    /// Why a program that waits for edges by what FIONREAD said would hang in the BPF mode; nil
    /// where this kernel loses none, which is tried.
    package static func reason(for program: Bytes) -> String? {
        guard clinux_edges_are_lost() != 0 else { return nil }
        return "\(program.text) relies on edge-triggered events that this kernel's MPTCP loses, "
            + "and would hang as a proxy"
    }

    /// Refuses `run` to such a program, in a mode that mends no edges.
    ///
    /// - Parameter mode: as messages name it.
    package static func refuse(_ program: Bytes?, mode: String) throws(Failure) {
        guard let program, let reason = reason(for: program) else { return }
        throw Failure(
            .own, mode, reason, remedy: "the preload library mends it: mptcpize run")
    }
}
