import Glibc
import LinuxSystem
import SocketEvents

/// Finds the preload library that was installed with this very mptcpize.
///
/// It looks in this order:
/// 1. what MPTCPIZE_LIBRARY names, if it is set, and then nowhere else: a library,
///    or a folder that holds MULTIARCH/mptcpize/libmptcpize.so (a process with
///    more privileges than its caller ignores the variable);
/// 2. `../lib/MULTIARCH/mptcpize/libmptcpize.so` from the folder that mptcpize
///    is really in, as in an installed tree and in `build/`;
/// 3. `libmptcpize-preload.so` next to mptcpize, where `swift build` puts it;
/// 4. the same as 2 in /usr/local/lib and /usr/lib, for an mptcpize that was
///    copied away from its library.
package struct LibraryLocator: Sendable {
    private let open: @Sendable (Bytes) throws(Errno) -> any ByteSource
    private let places: [Place]
    private let isOverridden: Bool

    private enum Place: Sendable {
        case file(Bytes)
        /// A folder of folders by architecture.
        case libraries(Bytes)

        func path(for architecture: Architecture) -> Bytes? {
            switch self {
            case .file(let path): path
            case .libraries(let folder):
                architecture.multiarch.map { folder + "/\($0)/mptcpize/libmptcpize.so".utf8 }
            }
        }
    }

    /// - Parameters:
    ///   - executable: mptcpize's own real path; nil when it is not known.
    ///   - override: The value of MPTCPIZE_LIBRARY; pass nil in a process with AT_SECURE.
    package init(executable: Bytes?, override: Bytes?, on system: some LaunchSystem) {
        open = { (path) throws(Errno) in try system.open(path) }
        isOverridden = override.map { !$0.isEmpty } ?? false
        if let override, isOverridden {
            // What a program started in another folder looks for must be absolute.
            let path = system.realPath(of: override) ?? override
            let isFolder = (try? system.status(of: path))?.isDirectory ?? false
            places = [isFolder ? .libraries(path) : .file(path)]
            return
        }
        var places: [Place] = []
        if let folder = executable?.directory {
            if let prefix = folder.directory {
                places.append(.libraries((prefix == Bytes("/".utf8) ? [] : prefix) + "/lib".utf8))
            }
            places.append(.file(folder + "/libmptcpize-preload.so".utf8))
        }
        places.append(.libraries(Bytes("/usr/local/lib".utf8)))
        places.append(.libraries(Bytes("/usr/lib".utf8)))
        self.places = places
    }

    /// The library for programs of an architecture; nil when none is installed.
    package func library(for architecture: Architecture) -> PreloadLibrary? {
        for place in places {
            guard let path = place.path(for: architecture), fits(path, architecture) else {
                continue
            }
            if case .libraries(let folder) = place, let prefix = folder.directory {
                return PreloadLibrary(path: path, prefix: prefix == Bytes("/".utf8) ? [] : prefix)
            }
            return PreloadLibrary(path: path, prefix: nil)
        }
        return nil
    }

    /// Whether the file is a library for that architecture.
    func fits(_ path: Bytes, _ architecture: Architecture) -> Bool {
        guard let source = try? open(path), let file = ELFReader(source) else {
            return false
        }
        return file.architecture == architecture && file.type == 3
    }

    /// Why there is no library for an architecture, where there must be one.
    package func failure(for architecture: Architecture) -> Failure {
        let tried = places.compactMap { $0.path(for: architecture) }
        let remedy =
            isOverridden
            ? "correct or unset \(MPTCPIZE_ENV_LIBRARY)"
            : "install mptcpize with its libraries, or set \(MPTCPIZE_ENV_LIBRARY)"
        for path in tried {
            guard let source = try? open(path) else { continue }
            let found = ELFReader(source)?.architecture.name
            return Failure(
                .own, path.text,
                found.map { "a library for \($0) programs, not for \(architecture.name) ones" }
                    ?? "not a preload library", remedy: remedy)
        }
        return Failure(
            .own, "preload library",
            "none for \(architecture.name) programs, looked for "
                + tried.map { $0.text }.joined(separator: ", "), remedy: remedy)
    }
}

/// An installed preload library.
package struct PreloadLibrary: Equatable, Sendable {
    package let path: Bytes
    /// What comes before "/lib/MULTIARCH/mptcpize/libmptcpize.so"; nil in other layouts.
    package let prefix: Bytes?
}
