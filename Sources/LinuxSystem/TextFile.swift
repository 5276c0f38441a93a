import Glibc

/// The whole of a file, of any kind that can be read to its end.
package func contents(ofFile path: String) throws(Errno) -> [UInt8] {
    let file = try Descriptor.open(path, O_RDONLY)
    let number = file.number
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = try retrying {
            chunk.withUnsafeMutableBytes { read(number, $0.baseAddress, $0.count) }
        }
        if count == 0 { return result }
        result += chunk.prefix(count)
    }
}

/// A text file's lines, without the newlines and without empty ones.
package func lines(ofFile path: String) throws(Errno) -> [String] {
    try contents(ofFile: path).split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
}
