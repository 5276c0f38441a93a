import LinuxSystem

/// The value of LD_PRELOAD: file names separated by colons or spaces (ld.so(8); musl alike).
package struct PreloadList {
    package let entries: [Bytes]
    private let value: Bytes

    package init(_ value: Bytes) {
        self.value = value
        entries = value.split(whereSeparator: Self.isSeparator).map { Bytes($0) }
    }

    static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: ":") || byte == UInt8(ascii: " ")
    }

    /// Whether the loaders can be told this name at all: they have no quoting, and
    /// glibc's expands "$LIB" and the like.
    package static func canHold(_ path: Bytes) -> Bool {
        !path.contains { isSeparator($0) || $0 == UInt8(ascii: "$") }
    }

    /// A preload library of mptcpize, this one's or another installation's.
    package static func isOurs(_ entry: Bytes) -> Bool {
        let name = entry.lastPathComponent
        return name == Bytes("libmptcpize.so".utf8) || name == Bytes("libmptcpize-preload.so".utf8)
    }

    /// The value with all other entries as they stand, and ours once: where it
    /// already is, else at the end. Nil takes ours out.
    func value(with ours: Bytes?) -> Bytes {
        let present = entries.filter(Self.isOurs)
        if present == (ours.map { [$0] } ?? []) { return value }
        guard let ours else { return Self.joined(entries.filter { !Self.isOurs($0) }) }
        guard present.isEmpty else {
            return Self.joined(entries.filter { !Self.isOurs($0) } + [ours])
        }
        guard let last = value.last else { return ours }
        return value + (Self.isSeparator(last) ? [] : [UInt8(ascii: ":")]) + ours
    }

    private static func joined(_ entries: [Bytes]) -> Bytes {
        Bytes(entries.joined(separator: [UInt8(ascii: ":")]))
    }
}
