import CLinux

/// What the BPF mode cannot mend: no BPF program sees FIONREAD, nor can it raise an edge.
public enum LostEdges {
    /// Why a program would hang in the BPF mode; nil where it would not. Whether this kernel loses
    /// edges is tried.
    static func reason(for program: ProgramFile) -> String? {
        guard program.countsOnEdges, clinux_edges_are_lost() != 0 else { return nil }
        return "\(program.path.text) waits for edges that MPTCP of this kernel loses, and would "
            + "hang as a proxy"
    }

    /// Refuses `run --mode bpf` to such a program.
    public static func refuse(_ plan: LaunchPlan) throws(Failure) {
        guard let program = plan.countingOnEdges, let reason = reason(for: program) else { return }
        throw Failure(
            .failed, BPFRefusal.object, reason,
            remedy: "the preload library mends it: mptcpize run")
    }
}
