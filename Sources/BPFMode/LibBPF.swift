import BPFProgs
import CLibBPF
import CLinux
import LinuxSystem

/// The system's libbpf, once it is loaded. A static mptcpize contains its own.
struct LibBPF {
    let calls: clibbpf

    /// Loads libbpf.so.1, where libbpf is not in the program.
    ///
    /// - Parameter debug: lets the library, and through it the kernel's verifier, write
    ///   what they have to say to standard error.
    init(debug: Bool) throws(Failure) {
        if clinux_is_static() && !clibbpf_is_linked() {
            throw Failure(
                .failed, "BPF mode", "this static mptcpize was built without libbpf",
                remedy: "install libbpf-dev and libelf-dev where it is built, then: make tarball")
        }
        var table = clibbpf()
        var answer = CLIBBPF_LOADED
        let missing = withUnsafeTemporaryAllocation(
            of: CChar.self, capacity: Int(CLIBBPF_MISSING)
        ) { buffer in
            buffer.initialize(repeating: 0)
            answer = clibbpf_load(&table, buffer.baseAddress!)
            return String(cString: buffer.baseAddress!)
        }
        let package = "install libbpf 1.0 or newer (Debian and Ubuntu: apt install libbpf1)"
        if answer == CLIBBPF_NO_LIBRARY {
            throw Failure(
                .failed, "libbpf.so.1", "cannot be loaded (\(missing))", remedy: package)
        }
        if answer == CLIBBPF_NO_FUNCTION {
            throw Failure(
                .failed, "libbpf.so.1", "is too old: it has no \(missing)", remedy: package)
        }
        if !debug { _ = table.set_print(nil) }
        calls = table
    }

    /// Whether a map's keys and values have these sizes, in bytes.
    func map(_ descriptor: Int32, hasKeys key: Int, values: Int) -> Bool {
        var table = calls
        return clibbpf_map_has_sizes(&table, descriptor, UInt32(key), UInt32(values))
    }

    /// Whether the kernel has the function that the program is for.
    var hasHook: Bool {
        var table = calls
        return clibbpf_has_hook(&table, MPTCPIZE_BPF_HOOK)
    }
}
