import Foundation

/// The document of `mptcpize run --report --json`, read back as any user's tool would.
public struct Report: Decodable, Sendable {
    public struct Refusal: Decodable, Sendable, Equatable {
        public let errno: String
        public let reason: String

        public init(errno: String, reason: String) {
            self.errno = errno
            self.reason = reason
        }
    }

    /// A socket option that met a remedy.
    public struct Remedy: Decodable, Sendable, Hashable {
        public let option: String
        public let remedy: String
    }

    /// The rule that keeps a socket TCP.
    public struct Rule: Decodable, Sendable, Hashable {
        public let file: String?
        public let line: Int?
    }

    /// One socket; the vocabulary is the document's own.
    public struct Socket: Decodable, Sendable {
        public let pid: Int
        public let program: String
        /// Nil where the kernel told of the socket and did not know it.
        public let fd: Int?
        public let family: String
        public let role: String
        public let socket: String
        public let refusal: Refusal?
        public let wire: String
        /// Paths, the first one included.
        public let subflows: Int?
        public let local: String?
        public let remote: String?
        public let bytesSent: Int?
        public let bytesReceived: Int?
        public let remedies: [Remedy]
        public let policy: Rule?

        /// Whether the other end has this address, seen through an IPv6 socket or not.
        public func isPeer(_ address: String) -> Bool {
            ["\(address):", "[\(address)]:", "[::ffff:\(address)]:"].contains {
                remote?.hasPrefix($0) == true
            }
        }
    }

    public struct Exit: Decodable, Sendable, Equatable {
        public let code: Int?
        public let signal: String?

        public init(code: Int) {
            self.code = code
            signal = nil
        }
    }

    public struct Summary: Decodable, Sendable {
        public let requested: Int
        public let mptcp: Int
        public let fallback: Int
        public let tcp: Int
        public let listening: Int
        public let unconnected: Int
        public let unknown: Int
        public let eventsDropped: Int
    }

    /// What the supervisor of the mode seccomp did.
    public struct Supervisor: Decodable, Sendable {
        public let calls: Int
        public let socketsMptcp: Int
        public let socketsTcp: Int
        public let socketsReplaced: Int
        public let optionsIgnored: Int
        public let optionsAdjusted: Int
        public let optionsRefused: Int
        public let optionsAnswered: Int
    }

    public let version: Int
    public let command: [String]
    public let exit: Exit
    public let sockets: [Socket]
    public let summary: Summary
    public let supervisor: Supervisor?

    public init(file: String) throws {
        try self.init(json: Data(contentsOf: URL(fileURLWithPath: file)))
    }

    public init(json: Data) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(Report.self, from: json)
    }

    /// Sockets by their role, and by the kernel's answer if one is given.
    public func sockets(_ role: String, _ wire: String? = nil) -> [Socket] {
        sockets.filter { $0.role == role && (wire == nil || $0.wire == wire) }
    }
}
