import TextOutput

/// The state of a container that a runtime writes to the standard input of its hooks (OCI
/// runtime specification, "State" and "POSIX-platform Hooks").
struct OCIState: Equatable {
    let id: String
    /// Of the container's first process, as the runtime sees it; nil once it has ended.
    let pid: Int32?
    /// "creating", "created", "running", "stopped".
    let status: String
    /// What the annotation "mptcpize" says; nil where there is none.
    let wish: String?

    /// The annotation's name.
    static let annotation = "mptcpize"
    /// The longest state that is read, in bytes. Kubernetes allows 256 KiB of annotations.
    static let longest = 1 << 20

    /// - Returns: nil for what is no such state.
    init?(parsing bytes: [UInt8]) {
        guard let document = JSONValue(parsing: bytes), let id = document["id"]?.string,
            !id.isEmpty, let status = document["status"]?.string
        else { return nil }
        self.id = id
        self.status = status
        // The machine's first process is in no container.
        pid = document["pid"]?.integer.flatMap { Int32(exactly: $0) }.flatMap { $0 > 1 ? $0 : nil }
        wish = document["annotations"]?[Self.annotation]?.string
    }

    /// What is to be done for the container.
    enum Request: Equatable {
        case attach(Int32)
        /// It has ended.
        case drop
        case nothing
        /// Nothing can be done: why.
        case refuse(String)
    }

    /// What the annotation and the container's state ask for. Without the annotation, whoever had
    /// the hook called has decided: not all engines pass annotations on.
    var request: Request {
        if status == "stopped" { return .drop }
        switch wish {
        case nil, "on":
            guard let pid else { return .refuse("the runtime names no process for it") }
            return .attach(pid)
        case "off": return .nothing
        case let other?:
            return .refuse("its annotation \(Self.annotation)=\(other) is neither on nor off")
        }
    }
}
