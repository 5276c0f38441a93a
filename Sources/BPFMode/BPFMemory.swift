import BPFProgs
import CLibBPF
import Glibc
import LinuxSystem

/// The BPF program's own memory, mapped: what the program reads and counts without a look-up.
struct BPFMemory: ~Copyable {
    let descriptor: Descriptor
    private let memory: UnsafeMutablePointer<mptcpize_bpf_memory>

    /// Maps it; nil when it is of another layout.
    init?(_ descriptor: consuming Descriptor, libbpf: LibBPF) throws(Errno) {
        let size = MemoryLayout<mptcpize_bpf_memory>.size
        guard libbpf.map(descriptor.number, hasKeys: MemoryLayout<UInt32>.size, values: size)
        else { return nil }
        guard
            let address = mmap(
                nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.number, 0),
            address != MAP_FAILED
        else { throw Errno.last }
        memory = address.assumingMemoryBound(to: mptcpize_bpf_memory.self)
        self.descriptor = descriptor
    }

    deinit { munmap(memory, MemoryLayout<mptcpize_bpf_memory>.size) }

    var state: UnsafeMutablePointer<mptcpize_bpf_state> { mptcpize_bpf_state_of(memory) }

    /// What is counted in a slot.
    func counters(_ slot: UInt32) -> UnsafeMutablePointer<mptcpize_bpf_counters> {
        mptcpize_bpf_counters_of(memory, slot)
    }

    /// Lets the program of a revision act, and all others be silent.
    func goLive(_ revision: UInt32) { mptcpize_bpf_go_live(memory, revision) }

    /// Puts the other selection in force: all that a change of it comes down to.
    func chooseOther() { mptcpize_bpf_choose_other(memory) }
}
