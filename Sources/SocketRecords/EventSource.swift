/// Where the supervisor takes records from: the preload library's ring, or the kernel's.
package protocol EventSource: ~Copyable {
    /// Takes the oldest record; nil when there is none yet.
    mutating func take() -> SocketEvent?

    /// To be called when `take` gave nothing: gives up on a record that its writer does not
    /// finish. Whether another `take` is worth trying.
    mutating func abandonStuck() -> Bool

    /// Records that are there and not taken yet.
    var pending: UInt32 { mutating get }

    /// The beginnings of sockets that are open and of which no record has told.
    var untold: [SocketEvent] { get }

    /// Records lost so far, for whatever reason.
    var lost: UInt64 { get }

    /// The descriptors that it needs.
    var descriptors: [Int32] { get }
}
