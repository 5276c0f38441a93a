import Foundation

/// A private directory (mode 0700), which is removed with all its contents when this object ends.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() throws {
        // scripts/test sweeps up what has this form and whose process is gone.
        let name = "mptcpize-test-\(getpid())-XXXXXX"
        var template = Array((NSTemporaryDirectory() + name).utf8CString)
        guard mkdtemp(&template) != nil else { throw POSIXError(.EIO) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file and gives back its path.
    @discardableResult
    public func write(_ text: String, to name: String, mode: Int = 0o644) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file(name))
        return file(name)
    }
}
