import LinuxSystem
import SocketPolicy

/// Programs that need special treatment.
extension ProgramFile {
    /// Whether it is an interpreter of Python, or a script for one.
    package var isPython: Bool {
        let name = path.lastPathComponent.text
        return name.hasPrefix("python") || name.hasPrefix("pypy")
    }

    /// What in the kernel takes its sockets, and insists on TCP; nil for most programs.
    package var kernelUser: String? {
        mptcpize_kernel_user(path.lastPathComponent.text).map { String(cString: $0) }
    }
}
