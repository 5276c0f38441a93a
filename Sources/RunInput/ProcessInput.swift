import CLinux
import Glibc
import LinuxSystem

/// What the process was started with, byte for byte.
package enum ProcessInput {
    package static var arguments: [Bytes] {
        (0..<clinux_argument_count()).compactMap { index in
            clinux_argument(index).map { Bytes(cString: $0) }
        }
    }

    /// The value of a variable; nil where it is not set.
    package static func variable(_ name: String) -> Bytes? {
        let prefix = Bytes("\(name)=".utf8)
        return environment.first { $0.starts(with: prefix) }.map {
            Bytes($0.dropFirst(prefix.count))
        }
    }

    package static var environment: [Bytes] {
        var entries: [Bytes] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(Bytes(cString: entry))
            next += 1
        }
        return entries
    }
}
