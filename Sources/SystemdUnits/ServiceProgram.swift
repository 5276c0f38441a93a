import Glibc
import Launch
import LinuxSystem

/// A service's main program, seen as the service will see it: below its
/// RootDirectory=, as its User=.
package struct ServiceProgram {
    private let unit: UnitName
    private let properties: UnitProperties
    private let system: ServiceSystem

    package init(_ unit: UnitName, _ properties: UnitProperties) {
        self.unit = unit
        self.properties = properties
        system = ServiceSystem(properties)
    }

    /// Where systemd looks for a program that ExecStart= names without a path (DEFAULT_PATH of
    /// its src/basic/path-util.h), when it starts it.
    private static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The programs of ExecStart=, with their paths.
    package var programs: [String] {
        // ExecSearchPath= came with systemd 250.
        let own = properties.words("ExecSearchPath").joined(separator: ":")
        let path = Bytes((own.isEmpty ? Self.searchPath : own).utf8)
        return properties.programs.map { name in
            let found = try? ProgramSearch.find(Bytes(name.utf8), path: path) {
                (place) throws(Unrunnable) in
                do throws(Errno) {
                    try system.checkExecutable(place)
                } catch {
                    throw Unrunnable(error.rawValue)
                }
                return place
            }
            return found?.text ?? name
        }
    }

    /// The same with all links followed, as the kernel names them.
    var realPaths: [String] {
        programs.compactMap { system.realPath(of: Bytes($0.utf8))?.text }
    }

    /// The file names of the images that the kernel makes of them: of the interpreter, for a script.
    package var images: [String] {
        programs.compactMap { path in
            let file = try? ProgramFile(Bytes(path.utf8), searchPath: nil, on: system)
            return system.realPath(of: file?.path ?? Bytes(path.utf8))?.lastPathComponent.text
        }
    }

    /// Whether a program is run by a Python interpreter. Python keeps what SO_PROTOCOL says of a
    /// socket that it was handed, and asyncio decides by it.
    var isPython: Bool {
        programs.contains { path in
            guard let file = try? ProgramFile(Bytes(path.utf8), searchPath: nil, on: system)
            else { return false }
            return file.isPython
        }
    }

    /// The first program whose sockets the kernel takes, insisting on TCP, and what part of it.
    var kernelUser: (path: String, part: String)? {
        for path in programs {
            guard let file = try? ProgramFile(Bytes(path.utf8), searchPath: nil, on: system),
                let part = file.kernelUser
            else { continue }
            return (path, part)
        }
        return nil
    }

    /// The programs of ExecStart= and what reaches each. What cannot be found (an image's
    /// program, one that is installed later) is left out: it is systemd's to complain about.
    package func reaches(with locator: LibraryLocator) -> [(
        path: String, file: ProgramFile, reach: Reach
    )] {
        programs.compactMap { path in
            guard let file = try? ProgramFile(Bytes(path.utf8), searchPath: nil, on: system)
            else { return nil }
            let reach = Reach(to: file) {
                // Missing for mptcpize's own architecture means a broken installation.
                $0 == .native || locator.library(for: $0) != nil
            }
            return (path, file, reach)
        }
    }

    /// The library that reaches the service's programs.
    ///
    /// - Parameter environment: the service's own.
    /// - Throws: `Failure` where none can, or none is installed.
    func library(
        from locator: LibraryLocator, scope: ManagerScope, environment: UnitEnvironment,
        keepsTCP: Bool = false
    ) throws(Failure) -> ServiceLibrary {
        var image: ELFImage?
        for program in reaches(with: locator) {
            switch program.reach {
            case .never(let obstacle):
                throw Failure(
                    .failed, unit.description, "\(program.path): \(obstacle.reason)",
                    remedy: keepsTCP
                        ? "nothing is needed, unless it makes MPTCP sockets itself"
                        : scope == .system
                            ? "`mptcpize enable --mode bpf \(unit.typed)` reaches it (Linux 6.6 or newer)"
                            : "")
            case .go where keepsTCP: break
            case .go:
                let refusal = environment.values(of: "GODEBUG").compactMap { $0 }.first {
                    LaunchEnvironment([Bytes("GODEBUG=\($0.value)".utf8)]).goMultipath == "0"
                }
                guard let refusal else { break }
                throw Failure(
                    .failed, unit.description,
                    "\(program.path): GODEBUG says multipathtcp=0 (\(refusal.origin))",
                    remedy: "remove that first")
            case .preload, .unknown: break
            }
            image = image ?? program.file.image
        }
        let architecture = image?.architecture ?? .native
        guard let library = locator.library(for: architecture) else {
            throw locator.failure(for: architecture)
        }
        let sibling = architecture.sibling.flatMap { locator.library(for: $0) }
        let hasSibling = sibling != nil && sibling?.prefix == library.prefix
        guard PreloadList.canHold(library.path), library.path.allSatisfy({ $0 > 0x20 }) else {
            throw Failure(
                .own, library.path.text,
                "LD_PRELOAD cannot name a path with a space, a colon or a dollar sign",
                remedy: "install mptcpize in another folder")
        }
        let files = [library] + (hasSibling ? [sibling!] : [])
        for file in files {
            if let failure = Self.untrusted(file.path, scope: scope) { throw failure }
            if HostSystem().isOnNoexecMount(file.path) {
                throw Failure(
                    .failed, file.path.text, "is on a file system that is mounted noexec",
                    remedy: "remount it with exec, or `make install` elsewhere")
            }
        }
        return ServiceLibrary(
            file: library.path.text,
            preload: library.name(for: image, hasSibling: hasSibling, on: system).text,
            directories: files.compactMap { $0.path.directory?.text })
    }

    /// Where mptcpize itself is, for systemd to run it as root.
    static func ownPath() throws(Failure) -> String {
        guard let path = Installation().command else {
            throw Failure(.own, "/proc/self/exe", "cannot be read", remedy: "is /proc mounted?")
        }
        if let failure = untrusted(path, scope: .system) { throw failure }
        return path.text
    }

    /// Whoever can change a file that services load or run, or a directory on its way, is
    /// the service; and the service's user has to be able to read it.
    static func untrusted(_ file: Bytes, scope: ManagerScope) -> Failure? {
        var path: Bytes? = file
        while let current = path {
            guard let status = try? HostSystem().status(of: current) else { return nil }
            let isTrusted = [0, scope == .user ? geteuid() : 0].contains(status.user)
            let isShared = status.mode & (S_IWGRP | S_IWOTH) != 0 && status.mode & S_ISVTX == 0
            if !isTrusted || isShared {
                return Failure(
                    .failed, file.text,
                    "\(current.text) can be changed by others than "
                        + (scope == .system ? "root" : "you and root"),
                    remedy: "`make install` puts mptcpize in a place that only root can change")
            }
            let needed = status.isDirectory ? S_IXOTH : S_IROTH
            if scope == .system, status.mode & needed == 0 {
                return Failure(
                    .failed, file.text,
                    "services cannot read it: \(current.text) is closed to other users",
                    remedy: "`make install` puts mptcpize in a place that they can read")
            }
            path = current == Bytes("/".utf8) ? nil : current.directory
        }
        return nil
    }
}

/// The machine as a service sees it, for the questions of `ProgramFile`.
private struct ServiceSystem: LaunchSystem {
    private let host = HostSystem()
    private let root: Bytes
    let user: uid_t
    let group: gid_t
    let noNewPrivileges: Bool

    package init(_ properties: UnitProperties) {
        let directory = properties["RootDirectory"]
        root = directory == "/" ? [] : Bytes(directory.utf8)
        noNewPrivileges = properties.isTrue("NoNewPrivileges")
        let name = properties["User"]
        if properties.isTrue("DynamicUser") {
            // Any that is nobody else's will do: it is not chosen yet.
            (user, group) = (uid_t.max - 1, gid_t.max - 1)
        } else if let entry = name.isEmpty ? getpwuid(geteuid()) : getpwnam(name) {
            (user, group) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
        } else {
            (user, group) = uid_t(name).map { ($0, gid_t.max - 1) } ?? (geteuid(), getegid())
        }
    }

    func status(of path: Bytes) throws(Errno) -> FileStatus { try host.status(of: root + path) }
    func checkExecutable(_ path: Bytes) throws(Errno) { try host.checkExecutable(root + path) }
    func open(_ path: Bytes) throws(Errno) -> any ByteSource { try host.open(root + path) }
    func extendedAttribute(_ name: String, of path: Bytes) -> Bytes? {
        host.extendedAttribute(name, of: root + path)
    }
    func isOnNosuidMount(_ path: Bytes) -> Bool { host.isOnNosuidMount(root + path) }
    func realPath(of path: Bytes) -> Bytes? {
        host.realPath(of: root + path).map { Bytes($0.dropFirst(root.count)) }
    }
}
