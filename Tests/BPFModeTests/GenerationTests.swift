import BPFProgs
import Testing

@Suite("Generations of the BPF selection")
struct GenerationTests {
    @Test("take turns, and are never 0, which would be a verdict on the root cgroup")
    func turns() {
        let memory = UnsafeMutablePointer<mptcpize_bpf_memory>.allocate(capacity: 1)
        defer { memory.deallocate() }
        memory.initialize(to: mptcpize_bpf_memory())
        for _ in 0..<1000 {
            let before = mptcpize_bpf_state_of(memory).pointee.chosen
            mptcpize_bpf_choose_other(memory)
            let after = mptcpize_bpf_state_of(memory).pointee.chosen
            #expect(after != 0)
            #expect(mptcpize_bpf_index(after) == 1 - mptcpize_bpf_index(before))
        }
    }
}
