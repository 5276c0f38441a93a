import Glibc

/// The names in a directory, sorted, without hidden ones; empty if it cannot be read.
package func directoryEntries(_ path: String) -> [String] {
    guard let listing = opendir(path) else { return [] }
    defer { closedir(listing) }
    var result: [String] = []
    while let entry = Glibc.readdir(listing) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
        }
        if !name.hasPrefix(".") { result.append(name) }
    }
    return result.sorted()
}

/// The numbers of all processes, falling.
package func processNumbers() -> [Int32] {
    directoryEntries("/proc").compactMap { Int32($0) }.filter { $0 > 0 }.sorted(by: >)
}

/// Where a symbolic link leads; nil for anything else.
package func linkTarget(_ path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = buffer.withUnsafeMutableBytes {
        readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
    }
    return length < 0 ? nil : String(decoding: buffer[..<length], as: UTF8.self)
}
