/// A view of bytes that another value owns, valid as long as that value. Every access is checked
/// against the end of the view, whatever lengths the bytes themselves contain.
package struct ByteView {
    private let bytes: UnsafeRawBufferPointer

    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var count: Int { bytes.count }

    /// An integer in host byte order; nil where it would not lie within.
    package func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self, at offset: Int
    ) -> Value? {
        guard offset >= 0, offset <= count - MemoryLayout<Value>.size else { return nil }
        return bytes.loadUnaligned(fromByteOffset: offset, as: type)
    }

    /// An integer in network byte order.
    package func loadBigEndian<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type = Value.self, at offset: Int
    ) -> Value? {
        load(type, at: offset).map { Value(bigEndian: $0) }
    }

    /// A part of it; nil where that would not lie within.
    package func part(from offset: Int, count length: Int) -> ByteView? {
        guard offset >= 0, length >= 0, offset <= count - length else { return nil }
        return ByteView(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
    }

    /// All from an offset on; empty past the end.
    package func dropFirst(_ offset: Int) -> ByteView {
        ByteView(UnsafeRawBufferPointer(rebasing: bytes.dropFirst(offset)))
    }

    /// A string up to its NUL or the end.
    package var string: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

    package func copy() -> [UInt8] { Array(bytes) }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        body(bytes)
    }
}

/// A member of a kernel struct that only grows: an older kernel sends fewer bytes, a newer
/// one more, and what a member means never changes.
struct StructMember<Value: FixedWidthInteger & BitwiseCopyable> {
    let offset: Int

    init(at offset: Int) { self.offset = offset }
}

extension ByteView {
    /// The member's value; nil from a kernel that does not have it yet.
    func member<Value>(_ member: StructMember<Value>) -> Value? {
        load(Value.self, at: member.offset)
    }
}
