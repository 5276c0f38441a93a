import SocketRecords

/// For a run without a report.
struct NoRecords: ~Copyable, EventSource {
    mutating func take() -> SocketEvent? { nil }
    mutating func abandonStuck() -> Bool { false }
    var pending: UInt32 { 0 }
    var untold: [SocketEvent] { [] }
    var lost: UInt64 { 0 }
    var descriptors: [Int32] { [] }
}
