import BPFProgs
import CLibBPF
import Glibc
import KernelProbe
import LinuxSystem

/// Brings the embedded program into the kernel and onto its hook.
struct BPFLoader {
    let libbpf: LibBPF

    /// Loads and attaches the program, with the maps of an older one where they are
    /// given, and makes sure that it can see what it has to see.
    ///
    /// It stays silent until BPFProgram.goLive, and is gone with the value until it is
    /// pinned.
    func load(keeping older: [BPFProgram.KeptMap]) throws(Failure) -> BPFProgram {
        guard access("/sys/kernel/btf/vmlinux", R_OK) == 0 else { throw BPFRefusal.noBTF }
        guard libbpf.hasHook else { throw BPFRefusal.noHook }
        let object = try open()
        defer { libbpf.calls.object_close(object) }
        for kept in older {
            let map = libbpf.calls.object_find_map_by_name(
                object, BPFProgram.KeptMap.nameInProgram(kept.name))
            guard libbpf.calls.map_reuse_fd(map, kept.number) == 0 else {
                throw BPFRefusal.loading(Errno.last)
            }
        }
        guard libbpf.calls.object_load(object) == 0 else { throw BPFRefusal.loading(Errno.last) }
        let program: BPFProgram
        do throws(Errno) {
            program = try attach(object, isFirst: older.isEmpty)
        } catch {
            throw BPFRefusal.loading(error)
        }
        try checkSight(program)
        return program
    }

    private func open() throws(Failure) -> OpaquePointer {
        var size = 0
        guard let bytes = mptcpize_bpf_object(&size) else { throw BPFRefusal.notBuiltIn }
        guard let object = libbpf.calls.object_open_mem(bytes, size, nil) else {
            throw BPFRefusal.loading(Errno.last)
        }
        return object
    }

    private func attach(_ object: OpaquePointer, isFirst: Bool) throws(Errno) -> BPFProgram {
        func map(_ name: String) throws(Errno) -> Descriptor {
            let map = libbpf.calls.object_find_map_by_name(
                object, BPFProgram.KeptMap.nameInProgram(name))
            return try .duplicate(libbpf.calls.map_fd(map))
        }
        func link(_ name: String) throws(Errno) -> Descriptor {
            let code = libbpf.calls.object_find_program_by_name(object, name)
            guard let link = libbpf.calls.program_attach(code) else { throw Errno.last }
            defer { _ = libbpf.calls.link_destroy(link) }
            return try .duplicate(libbpf.calls.link_fd(link))
        }
        let attached = try BPFProgram(links: .init(link), libbpf: libbpf, map: map)
        guard let program = attached else { throw Errno(rawValue: EINVAL) }
        try program.revision.write(0, MPTCPIZE_BPF_REVISION)
        if isFirst { program.memory.state.pointee.layout = MPTCPIZE_BPF_LAYOUT }
        return program
    }

    /// Has the program look for net.mptcp.enabled, and tells it of MPTCPv6.
    private func checkSight(_ program: borrowing BPFProgram) throws(Failure) {
        let families = try MPTCPFamilies()
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if probe >= 0 { close(probe) }
        guard program.memory.state.pointee.pernet > MPTCPIZE_BPF_PERNET_UNKNOWN else {
            throw BPFRefusal.noSight
        }
        program.memory.state.pointee.mptcpv6 = families.ipv6 ? 1 : 0
    }
}

extension Descriptor {
    /// A copy of a descriptor that stays someone else's.
    static func duplicate(_ number: Int32) throws(Errno) -> Descriptor {
        Descriptor(owning: try retrying { fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) })
    }
}
