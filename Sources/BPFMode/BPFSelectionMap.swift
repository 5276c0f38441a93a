import BPFProgs
import Glibc
import LinuxSystem

/// The map of the two selections, read and written as a whole.
struct BPFSelectionMap: ~Copyable {
    /// What is selected, by cgroup id.
    typealias Selection = [UInt64: mptcpize_bpf_entry]

    let descriptor: Descriptor
    private let libbpf: LibBPF

    private static let header = 2 * MemoryLayout<UInt32>.size + MemoryLayout<UInt64>.size
    private static let stride = MemoryLayout<mptcpize_bpf_entry>.stride
    private static let places = Int(MPTCPIZE_BPF_ENTRIES)

    /// Takes a map over; nil when it is of another layout.
    init?(_ descriptor: consuming Descriptor, libbpf: LibBPF) {
        let fits = libbpf.map(
            descriptor.number, hasKeys: MemoryLayout<UInt32>.size,
            values: Self.header + Self.places * Self.stride)
        self.descriptor = descriptor
        self.libbpf = libbpf
        if !fits { return nil }
    }

    func read(_ index: UInt32) throws(Errno) -> Selection {
        var bytes = [UInt8](repeating: 0, count: Self.header + Self.places * Self.stride)
        guard
            withUnsafePointer(
                to: index, { libbpf.calls.map_lookup_elem(descriptor.number, $0, &bytes) }) == 0
        else { throw Errno.last }
        var result: Selection = [:]
        bytes.withUnsafeBytes { memory in
            for place in 0..<Self.places {
                let entry = memory.loadUnaligned(
                    fromByteOffset: Self.header + place * Self.stride, as: mptcpize_bpf_entry.self)
                if entry.id != 0 { result[entry.id] = entry }
            }
        }
        return result
    }

    /// - Throws: E2BIG when there are more than MPTCPIZE_BPF_CGROUPS.
    func write(_ index: UInt32, _ selection: Selection) throws(Errno) {
        guard selection.count <= Int(MPTCPIZE_BPF_CGROUPS) else { throw Errno(rawValue: E2BIG) }
        let (seed, entries) = Self.placed(Array(selection.values))
        let depths = selection.values.map(\.depth)
        let isAnywhere = depths.contains(MPTCPIZE_BPF_DEPTHS)
        let range: [UInt32] = [
            isAnywhere ? 0 : depths.min() ?? 0,
            isAnywhere ? MPTCPIZE_BPF_DEPTHS - 1 : depths.max() ?? 0,
        ]
        let bytes =
            range.withUnsafeBytes { Array($0) } + withUnsafeBytes(of: seed) { Array($0) }
            + entries.withUnsafeBytes { Array($0) }
        guard
            withUnsafePointer(
                to: index, { libbpf.calls.map_update_elem(descriptor.number, $0, bytes, 0) }) == 0
        else { throw Errno.last }
    }

    /// A table in which every entry has a place. With an eighth of the places taken,
    /// nearly any seed will do.
    private static func placed(
        _ selection: [mptcpize_bpf_entry]
    ) -> (seed: UInt64, entries: [mptcpize_bpf_entry]) {
        var seed: UInt64 = 0x9E37_79B9_7F4A_7C15  // 2^64 / phi
        while true {
            var table = [mptcpize_bpf_entry](repeating: mptcpize_bpf_entry(), count: places)
            if selection.allSatisfy({ insert($0, into: &table, seed: seed) }) {
                return (seed, table)
            }
            seed = seed &* 6_364_136_223_846_793_005 | 1
        }
    }

    /// Whoever has the place moves to its other one, and so on.
    private static func insert(
        _ entry: mptcpize_bpf_entry, into table: inout [mptcpize_bpf_entry], seed: UInt64
    ) -> Bool {
        var homeless = entry
        var place = Int(mptcpize_bpf_place(seed, homeless.id, 0))
        for _ in 0..<64 {
            swap(&homeless, &table[place])
            if homeless.id == 0 { return true }
            let first = Int(mptcpize_bpf_place(seed, homeless.id, 0))
            place = place == first ? Int(mptcpize_bpf_place(seed, homeless.id, 1)) : first
        }
        return false
    }
}
