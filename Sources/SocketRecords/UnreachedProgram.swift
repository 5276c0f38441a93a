import LinuxSystem

/// A started program that the preload library did not reach (MPTCPIZE_UNREACHED).
package struct UnreachedProgram: Hashable, Sendable {
    /// enum mptcpize_unreached.
    package enum Reason: UInt8, Sendable {
        case environment = 1
        case setUser, setGroup, capabilities, changedUser, staticallyLinked

        package var inWords: String {
            switch self {
            case .environment: "LD_PRELOAD removed"
            case .setUser: "set-uid"
            case .setGroup: "set-gid"
            case .capabilities: "file capabilities"
            case .changedUser: "started as another user"
            case .staticallyLinked: "static"
            }
        }

        /// The name in JSON documents.
        package var name: String {
            switch self {
            case .environment: "environment"
            case .setUser: "set-uid"
            case .setGroup: "set-gid"
            case .capabilities: "file-capabilities"
            case .changedUser: "changed-user"
            case .staticallyLinked: "static"
            }
        }
    }

    /// Its path, or the end of a long one.
    package let path: Bytes
    package let reason: Reason

    package init(path: Bytes, reason: Reason) {
        self.path = path
        self.reason = reason
    }

    /// The program's name, as text that a terminal does not obey.
    package var name: String { path.lastPathComponent.text.printable }
}
