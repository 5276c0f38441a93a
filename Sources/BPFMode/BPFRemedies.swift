import BPFProgs
import CLibBPF
import Glibc
import LinuxSystem
import Processes

/// The programs that mend socket options, once they are loaded. They are attached to each selected
/// cgroup by two links, which are pinned next to the program that answers socket().
///
/// A link of a cgroup that is not selected does no harm: only programs that ask for MPTCP
/// themselves make MPTCP sockets there. So links are made before a selection is chosen, and removed
/// after it.
struct BPFRemedies: ~Copyable {
    private let setter, getter: Descriptor
    private let counts: BPFMap<UInt64, UInt64>
    private let libbpf: LibBPF

    /// Names of what is pinned.
    private enum Pin {
        static let setter = "setsockopt"
        static let getter = "getsockopt"
        static let counts = "remedied"

        static func links(of cgroup: UInt64) -> (set: String, get: String) {
            ("\(setter)_\(cgroup)", "\(getter)_\(cgroup)")
        }

        /// The cgroup whose link has this name.
        static func cgroup(ofLink name: String) -> UInt64? {
            let parts = name.split(separator: "_")
            let isLink = parts.count == 2 && (parts[0] == setter || parts[0] == getter)
            return isLink ? UInt64(parts[1]) : nil
        }
    }

    /// Loads the programs, and tells them what this kernel refuses.
    ///
    /// - Parameter directory: pins of older ones, whose counts go on.
    /// - Throws: the errno with which the kernel does not take them.
    static func load(keeping directory: String?, libbpf: LibBPF) throws(Errno) -> BPFRemedies {
        let entries = try BPFRemedyTable.probe()
        var size = 0
        guard let bytes = mptcpize_bpf_remedies(&size) else { throw Errno(rawValue: ENOTSUP) }
        guard let object = libbpf.calls.object_open_mem(bytes, size, nil) else { throw Errno.last }
        defer { libbpf.calls.object_close(object) }
        if let directory, let older = try pinned(in: directory, libbpf: libbpf) {
            let map = libbpf.calls.object_find_map_by_name(object, Pin.counts)
            guard libbpf.calls.map_reuse_fd(map, older.counts.descriptor.number) == 0 else {
                throw Errno.last
            }
        }
        guard libbpf.calls.object_load(object) == 0 else { throw Errno.last }
        func program(_ name: String) throws(Errno) -> Descriptor {
            let code = libbpf.calls.object_find_program_by_name(object, name)
            return try .duplicate(libbpf.calls.program_fd(code))
        }
        func map(_ name: String) throws(Errno) -> Descriptor {
            let map = libbpf.calls.object_find_map_by_name(object, name)
            return try .duplicate(libbpf.calls.map_fd(map))
        }
        guard
            let table = BPFMap<UInt32, mptcpize_bpf_remedy>(try map("remedies"), libbpf: libbpf),
            let counts = BPFMap<UInt64, UInt64>(try map(Pin.counts), libbpf: libbpf)
        else { throw Errno(rawValue: EINVAL) }
        try table.write(entries.map(\.option), entries.map(\.remedy))
        return BPFRemedies(
            setter: try program(MPTCPIZE_BPF_SETSOCKOPT),
            getter: try program(MPTCPIZE_BPF_GETSOCKOPT), counts: counts, libbpf: libbpf)
    }

    private init(
        setter: consuming Descriptor, getter: consuming Descriptor,
        counts: consuming BPFMap<UInt64, UInt64>, libbpf: LibBPF
    ) {
        self.setter = setter
        self.getter = getter
        self.counts = counts
        self.libbpf = libbpf
    }

    /// What a directory of pins holds; nil when this kernel did not take the programs.
    static func pinned(in directory: String, libbpf: LibBPF) throws(Errno) -> BPFRemedies? {
        func get(_ name: String) throws(Errno) -> Descriptor {
            let number = libbpf.calls.obj_get("\(directory)/\(name)")
            guard number >= 0 else { throw Errno.last }
            return Descriptor(owning: number)
        }
        do throws(Errno) {
            let setter = try get(Pin.setter)
            let getter = try get(Pin.getter)
            guard let counts = BPFMap<UInt64, UInt64>(try get(Pin.counts), libbpf: libbpf) else {
                return nil
            }
            return BPFRemedies(setter: setter, getter: getter, counts: counts, libbpf: libbpf)
        } catch {
            if error.rawValue == ENOENT { return nil }
            throw error
        }
    }

    /// Pins the programs in a directory of pins.
    func pin(in directory: String) throws(Errno) {
        for (name, number) in [
            (Pin.counts, counts.descriptor.number), (Pin.getter, getter.number),
            (Pin.setter, setter.number),
        ] {
            guard libbpf.calls.obj_pin(number, "\(directory)/\(name)") == 0 else {
                throw Errno.last
            }
        }
    }

    /// Attaches the programs to a cgroup, and pins the links, unless that has been done.
    ///
    /// - Throws: EPERM where someone else's program does not suffer others beside it.
    func attach(
        _ cgroup: UInt64, of hierarchy: borrowing CgroupHierarchy, in directory: String
    ) throws(Errno) {
        let names = Pin.links(of: cgroup)
        let needsSetter = access("\(directory)/\(names.set)", F_OK) != 0
        let needsGetter = access("\(directory)/\(names.get)", F_OK) != 0
        guard needsSetter || needsGetter else { return }
        let opened = try hierarchy.directory(of: cgroup)
        var table = libbpf.calls
        if needsSetter {
            let link = clibbpf_attach_setsockopt(&table, setter.number, opened.number)
            try pin(link: link, at: "\(directory)/\(names.set)")
        }
        if needsGetter {
            let link = clibbpf_attach_getsockopt(&table, getter.number, opened.number)
            try pin(link: link, at: "\(directory)/\(names.get)")
        }
    }

    private func pin(link: Int32, at path: String) throws(Errno) {
        guard link >= 0 else { throw Errno.last }
        let link = Descriptor(owning: link)
        guard libbpf.calls.obj_pin(link.number, path) == 0 else { throw Errno.last }
    }

    /// Detaches the programs from all cgroups but these.
    static func prune(_ directory: String, keeping ids: some Collection<UInt64>) throws(Errno) {
        let ids = Set(ids)
        for name in try BPFPins.names(in: directory) {
            guard let cgroup = Pin.cgroup(ofLink: name), !ids.contains(cgroup) else { continue }
            guard unlink("\(directory)/\(name)") == 0 || errno == ENOENT else { throw Errno.last }
        }
    }

    /// Calls that were ignored or adjusted in a cgroup's subtree; nil when the programs are
    /// not attached to it.
    func count(in cgroup: UInt64) throws(Errno) -> UInt64? {
        var value: UInt64 = 0
        return try counts.read(cgroup, into: &value) ? value : nil
    }
}
