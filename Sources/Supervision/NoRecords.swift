import SocketRecords

/// Where nobody wants to know what becomes of sockets.
struct NoRecords: ~Copyable, EventSource {
    mutating func take() -> SocketEvent? { nil }
    mutating func abandonStuck() -> Bool { false }
    var pending: UInt32 { 0 }
    var untold: [SocketEvent] { [] }
    var lost: UInt64 { 0 }
    var descriptors: [Int32] { [] }
}
