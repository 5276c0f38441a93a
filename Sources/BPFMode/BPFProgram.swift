import BPFProgs
import CLibBPF
import CLinux
import Glibc
import LinuxSystem

/// The program with its maps. It is attached to the hook as long as a pin or this process holds
/// its links.
struct BPFProgram: ~Copyable {
    let links: Links
    let memory: BPFMemory
    let revision: BPFMap<UInt32, UInt32>
    let selection: BPFSelectionMap
    let cgroups: BPFMap<UInt64, mptcpize_bpf_cgroup>
    let libbpf: LibBPF

    /// The links of the program and its spares, each by its program's name: not an
    /// array, which holds no descriptors.
    struct Links: ~Copyable {
        let spare2, spare1, first: Descriptor

        /// In the order in which they have to be attached.
        static let names = [
            MPTCPIZE_BPF_PROGRAM_2, MPTCPIZE_BPF_PROGRAM_1, MPTCPIZE_BPF_PROGRAM_0,
        ]

        init(_ link: (String) throws(Errno) -> Descriptor) throws(Errno) {
            let spare2 = try link(Self.names[0])
            let spare1 = try link(Self.names[1])
            let first = try link(Self.names[2])
            self.spare2 = spare2
            self.spare1 = spare1
            self.first = first
        }

        var named: [(name: String, number: Int32)] {
            let numbers = [spare2.number, spare1.number, first.number]
            return Array(zip(Self.names, numbers))
        }
    }

    /// A map that a newer program takes over, by the name of its pin.
    struct KeptMap {
        let name: String
        /// A descriptor that stays the older program's.
        let number: Int32

        /// What it is called in the program.
        static func nameInProgram(_ name: String) -> String {
            name == "memory" ? MPTCPIZE_BPF_MEMORY : name
        }
    }

    /// All maps but `revision`, which is each program's own.
    var keptMaps: [KeptMap] {
        [
            .init(name: "memory", number: memory.descriptor.number),
            .init(name: "selection", number: selection.descriptor.number),
            .init(name: "cgroups", number: cgroups.descriptor.number),
        ]
    }

    /// Takes over links and the maps of these names; nil when they are not of this layout.
    init?(
        links: consuming Links, libbpf: LibBPF,
        map: (String) throws(Errno) -> Descriptor
    ) throws(Errno) {
        guard let memory = try BPFMemory(try map("memory"), libbpf: libbpf),
            let revision = BPFMap<UInt32, UInt32>(try map("revision"), libbpf: libbpf),
            let selection = BPFSelectionMap(try map("selection"), libbpf: libbpf),
            let cgroups = BPFMap<UInt64, mptcpize_bpf_cgroup>(try map("cgroups"), libbpf: libbpf)
        else { return nil }
        self.links = links
        self.memory = memory
        self.revision = revision
        self.selection = selection
        self.cgroups = cgroups
        self.libbpf = libbpf
    }

    /// What a directory of pins holds; nil when it holds maps of another layout.
    ///
    /// - Throws: ENOENT when there is no such directory.
    static func pinned(in directory: String, libbpf: LibBPF) throws(Errno) -> BPFProgram? {
        func get(_ name: String) throws(Errno) -> Descriptor {
            let number = libbpf.calls.obj_get("\(directory)/\(name)")
            guard number >= 0 else { throw Errno.last }
            return Descriptor(owning: number)
        }
        guard
            let program = try BPFProgram(links: Links(get), libbpf: libbpf, map: get),
            program.memory.state.pointee.layout == MPTCPIZE_BPF_LAYOUT
        else { return nil }
        return program
    }

    /// Pins the link and the maps in a new directory.
    func pin(in directory: String) throws(Errno) {
        guard mkdir(directory, 0o700) == 0 else { throw Errno.last }
        let maps =
            keptMaps.map { ($0.name, $0.number) } + [("revision", revision.descriptor.number)]
        for (name, number) in maps + links.named {
            guard libbpf.calls.obj_pin(number, "\(directory)/\(name)") == 0 else {
                throw Errno.last
            }
        }
    }

    func currentRevision() throws(Errno) -> UInt32 {
        var value: UInt32 = 0
        _ = try revision.read(0, into: &value)
        return value
    }

    /// Lets this program act, and any other silence.
    func goLive() throws(Errno) { memory.goLive(try currentRevision()) }

    /// How often the kernel skipped the program and all its spares; nil when it does not
    /// tell. The last spare is reached only where the others were skipped, or left the
    /// decision to it because the socket is none of ours.
    var missedRuns: UInt64? {
        var table = libbpf.calls
        return UInt64(exactly: clibbpf_missed_runs(&table, links.spare2.number))
    }
}
