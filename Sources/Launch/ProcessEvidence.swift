import CLinux
import Glibc
import LinuxSystem
import SocketEvents

/// What /proc shows of one process that decides whether the preload library has reached it.
///
/// All of it belongs to one program image: if the process becomes another program in between, it is
/// read again.
package struct ProcessEvidence: Equatable, Sendable {
    /// How the library is mapped.
    package enum Mapping: Equatable, Sendable {
        /// As program text: its functions are called.
        case executable
        /// Left over by a loader that was refused to map it as program text; the file's path.
        case notExecutable(String)
        case absent
    }

    /// What LD_PRELOAD in the environment that the program was started with says.
    package enum Environment: Equatable, Sendable {
        /// It names the library: as which file.
        case preload(String)
        /// It has no such entry; whether it has what systemd gives to each service.
        case without(isOfSystemd: Bool)
        /// The program has written over it (a title), or it may not be read.
        case unknown
    }

    package var mapping: Mapping
    package var environment: Environment
    /// AT_SECURE: the loader ignored LD_PRELOAD. Nil where it may not be read.
    package var isSecure: Bool?
    /// What the program's own file says of that.
    package var privileges: PrivilegeChange?
    /// The program's architecture, its loader and whether Go made it; nil where it may not be read.
    package var image: Image?
    /// Whether GODEBUG has Go use MPTCP; nil where it says nothing of it.
    package var goMultipath: Bool?
    /// The rules for what stays TCP that it was started with, in the canonical text.
    package var policy: String?
    /// What LD_PRELOAD names besides.
    package var otherLibraries: [String] = []
    /// The program's file.
    package var executable: String?
    /// Seconds that the process has lived.
    package var age: Double
    package var parent: Int32

    package struct Image: Equatable, Sendable {
        package var architecture: Architecture
        /// The path of the loader, which the kernel looked for in the root of that moment.
        package var interpreter: String?
        package var isStatic = false
        package var needsAddressSanitizer = false
        package var go: GoVersion?

        package init(architecture: Architecture) { self.architecture = architecture }
    }

    /// - Throws: ESRCH for a process that has ended, or is about to.
    package init(of pid: Int32) throws(Errno) {
        var tries = 3
        while true {
            let before = try Identity(of: pid)
            self = try ProcessEvidence(reading: pid, before)
            tries -= 1
            let after = try Identity(of: pid)
            if tries == 0 || after == before { return }
        }
    }

    package init(
        mapping: Mapping, environment: Environment, isSecure: Bool? = false,
        privileges: PrivilegeChange? = nil, image: Image? = Image(architecture: .native),
        goMultipath: Bool? = nil, age: Double = 0, parent: Int32 = 1
    ) {
        self.mapping = mapping
        self.environment = environment
        self.isSecure = isSecure
        self.privileges = privileges
        self.image = image
        self.goMultipath = goMultipath
        self.age = age
        self.parent = parent
    }

    /// A process and the program that it is.
    private struct Identity: Equatable {
        let start: UInt64
        let program: String?
        let parent: Int32

        /// proc_pid_stat(5), from the third field on: the second may hold anything.
        init(of pid: Int32) throws(Errno) {
            let stat = String(
                decoding: try contents(ofFile: "/proc/\(pid)/stat"), as: UTF8.self)
            let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
            guard fields.count > 19, let parent = Int32(fields[1]),
                let start = UInt64(fields[19]), fields[0] != "Z", fields[0] != "X"
            else { throw Errno(rawValue: ESRCH) }
            self.start = start
            self.parent = parent
            program = linkTarget("/proc/\(pid)/exe")
        }
    }

    private init(reading pid: Int32, _ identity: Identity) throws(Errno) {
        let maps = try contents(ofFile: "/proc/\(pid)/maps")
        // Memory goes before the number does.
        if maps.isEmpty { throw Errno(rawValue: ESRCH) }
        mapping = Self.mapping(maps)
        let entries = (try? contents(ofFile: "/proc/\(pid)/environ"))?.split(
            separator: 0, omittingEmptySubsequences: false)
        environment = Self.environment(entries.map { $0.map { Bytes($0) } })
        let launch = LaunchEnvironment((entries ?? []).map { Bytes($0) })
        goMultipath = launch.goMultipath.map { $0 != "0" }
        policy = launch.value(of: MPTCPIZE_ENV_POLICY).flatMap { $0.isEmpty ? nil : $0.text }
        otherLibraries = PreloadList(launch.value(of: "LD_PRELOAD") ?? []).entries
            .filter { !PreloadList.isOurs($0) }.map { $0.text }
        let program = Bytes("/proc/\(pid)/exe".utf8)
        let file = (try? HostSystem().open(program)).flatMap { ELFImage($0) }
        image = file.map(Image.init)
        isSecure = Self.isSecure(pid, is32Bit: file.map { !$0.architecture.is64Bit } ?? false)
        privileges = isSecure == true ? PrivilegeChange.marked(program, on: HostSystem()) : nil
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        age =
            Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
            - Double(identity.start) / Double(sysconf(Int32(_SC_CLK_TCK)))
        parent = identity.parent
        executable = identity.program
    }

    private static func mapping(_ maps: Bytes) -> Mapping {
        var leftOver: String?
        for line in maps.split(separator: 0x0A) {
            let text = String(decoding: line.drop { $0 != UInt8(ascii: "/") }, as: UTF8.self)
            let deleted = " (deleted)"
            let path = text.hasSuffix(deleted) ? String(text.dropLast(deleted.count)) : text
            // Known by its name: services may see it under another path.
            guard PreloadList.isOurs(Bytes(path.utf8)) else { continue }
            // "7f0c5a000000-7f0c5a001000 r-xp …" (proc_pid_maps(5)).
            let rights = line.split(separator: 0x20, maxSplits: 2).dropFirst().first ?? []
            if rights.dropFirst(2).first == UInt8(ascii: "x") { return .executable }
            leftOver = path
        }
        return leftOver.map { .notExecutable($0) } ?? .absent
    }

    /// - Parameter entries: nil where it may not be read.
    package static func environment(_ entries: [Bytes]?) -> Environment {
        guard let entries else { return .unknown }
        let assignments = entries.filter { !$0.isEmpty }
        // Many servers write a title over it, and zeros behind that.
        let isWhole =
            entries.count <= assignments.count + 1
            && assignments.allSatisfy { $0.contains(UInt8(ascii: "=")) && $0.first! > 0x20 }
        let launch = LaunchEnvironment(assignments)
        if let list = launch.value(of: "LD_PRELOAD"),
            let entry = PreloadList(list).entries.first(where: PreloadList.isOurs)
        {
            return .preload(entry.text)
        }
        guard isWhole else { return .unknown }
        // systemd.exec(5): set for each service, since systemd 232.
        return .without(isOfSystemd: launch.value(of: "INVOCATION_ID") != nil)
    }

    /// The auxiliary vector is pairs of words of the program's own size; AT_SECURE is 23.
    private static func isSecure(_ pid: Int32, is32Bit: Bool) -> Bool? {
        guard let bytes = try? contents(ofFile: "/proc/\(pid)/auxv") else { return nil }
        return bytes.withUnsafeBytes { memory in
            let size = is32Bit ? 4 : 8
            func word(_ index: Int) -> UInt64 {
                is32Bit
                    ? UInt64(memory.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
                    : memory.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
            }
            for pair in 0..<memory.count / (2 * size) where word(2 * pair) == UInt64(AT_SECURE) {
                return word(2 * pair + 1) != 0
            }
            return nil
        }
    }
}

extension ProcessEvidence.Image {
    fileprivate init(_ file: ELFImage) {
        self.init(architecture: file.architecture)
        interpreter = file.interpreter?.text
        isStatic = file.loader == nil && !file.isLoader
        needsAddressSanitizer = file.needsAddressSanitizer
        go = file.goVersion
    }
}

extension PrivilegeChange {
    /// What the file itself is marked with, whoever starts it.
    package static func marked(_ path: Bytes, on system: some LaunchSystem) -> PrivilegeChange? {
        guard let status = try? system.status(of: path) else { return nil }
        if status.mode & S_ISUID != 0 { return .setUser }
        if status.mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP { return .setGroup }
        let value = system.extendedAttribute("security.capability", of: path)
        return value == nil ? nil : .fileCapabilities
    }
}
