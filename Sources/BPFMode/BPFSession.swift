import BPFProgs
import CLinux
import Glibc
import LinuxSystem
import Processes

/// The BPF mode: the cgroups whose new sockets the kernel makes MPTCP.
///
/// As long as this value lives, no other command changes anything. Opening it
/// completes or undoes what a killed command left unfinished.
package struct BPFSession: ~Copyable {
    private let libbpf: LibBPF
    private let lock: BPFLock
    let hierarchy: CgroupHierarchy

    /// Waits for other commands to end, and mends what killed ones left.
    ///
    /// - Parameter debug: has libbpf and the kernel's verifier write their words to
    ///   standard error.
    package static func open(debug: Bool = false) throws(Failure) -> BPFSession {
        guard geteuid() == 0 else { throw BPFRefusal.notRoot() }
        guard !isInUserNamespace else { throw BPFRefusal.inUserNamespace }
        var size = 0
        guard mptcpize_bpf_object(&size) != nil else { throw BPFRefusal.notBuiltIn }
        let libbpf = try LibBPF(debug: debug)
        let hierarchy = try CgroupHierarchy()
        let lock = try BPFLock()
        let session = BPFSession(libbpf: libbpf, hierarchy: hierarchy, lock: lock)
        try session.mend()
        return session
    }

    /// Whether root here is another user outside: user_namespaces(7).
    private static var isInUserNamespace: Bool {
        let map = (try? lines(ofFile: "/proc/self/uid_map"))?.first ?? ""
        let numbers = map.split(separator: " ")
        return !numbers.isEmpty && numbers != ["0", "0", "4294967295"]
    }

    private init(
        libbpf: LibBPF, hierarchy: consuming CgroupHierarchy, lock: consuming BPFLock
    ) {
        self.libbpf = libbpf
        self.hierarchy = hierarchy
        self.lock = lock
    }

    // MARK: Cgroups, by what users call them

    /// The cgroup of a directory; see CgroupHierarchy.
    package func cgroup(path: String) throws(Failure) -> Cgroup {
        try selectable(hierarchy.cgroup(path: path))
    }

    /// The cgroup that a process is in now.
    package func cgroup(pid: Int32) throws(Failure) -> Cgroup {
        try selectable(hierarchy.cgroup(pid: pid))
    }

    /// The cgroup of a path that starts at the hierarchy's root: "/system.slice/x.service".
    package func cgroup(relative: String) throws(Failure) -> Cgroup {
        try selectable(hierarchy.cgroup(relative: relative))
    }

    /// A cgroup that the program's maps have room for: its path, and its depth.
    private func selectable(_ cgroup: Cgroup) throws(Failure) -> Cgroup {
        guard cgroup.path.utf8.count < Int(MPTCPIZE_BPF_PATH),
            cgroup.depth ?? 0 < MPTCPIZE_BPF_DEPTHS
        else { throw Failure(.failed, cgroup.path, Errno(rawValue: ENAMETOOLONG).reason) }
        return cgroup
    }

    // MARK: What users ask for

    /// Whether it works on this kernel: brings the program there, and lets it go again.
    ///
    /// - Throws: `Failure` with the reason why not.
    package func probe() throws(Failure) { _ = try BPFLoader(libbpf: libbpf).load(keeping: []) }

    /// Has the kernel tell this process what becomes of a selected cgroup's sockets.
    func events(of cgroup: Cgroup) throws(Failure) -> KernelEvents {
        guard let program = try current() else { throw notAttached(cgroup.path) }
        do throws(Errno) {
            return try KernelEvents(
                cgroup, hierarchy.directory(of: cgroup.id), libbpf: libbpf,
                state: program.memory.state.pointee)
        } catch {
            throw BPFRefusal.reporting(error)
        }
    }

    /// Deselects cgroups, all or none of them; with the last one the program goes.
    ///
    /// - Parameter paths: the paths that the cgroups have, or had when they were attached.
    package func detach(_ paths: [String]) throws(Failure) {
        guard let program = try current() else { throw notAttached(paths.first ?? "") }
        let attached = try allEntries(program)
        var dropped: Set<UInt64> = []
        for path in paths {
            let named = attached.filter { $0.path == path }
            guard !named.isEmpty else { throw notAttached(path) }
            dropped.formUnion(named.map(\.id))
        }
        for entry in attached where dropped.contains(entry.id) && entry.hasRules {
            try CgroupRules.release(entry.id, entry.path)
        }
        try deselect(dropped, program)
    }

    /// What is attached.
    package func list() throws(Failure) -> BPFListing {
        guard let program = try current() else { return BPFListing(cgroups: [], missedRuns: nil) }
        let attached = try allEntries(program)
        return BPFListing(
            cgroups: attached.sorted { $0.path < $1.path }, missedRuns: program.missedRuns)
    }

    /// Takes the program and all that is pinned away, of whatever version of mptcpize.
    package static func detachAll() throws(Failure) {
        guard geteuid() == 0 else { throw BPFRefusal.notRoot() }
        guard !isInUserNamespace else { throw BPFRefusal.inUserNamespace }
        let lock = try BPFLock()
        defer { extendLifetime(lock) }
        if try BPFPins.exist() {
            selectNothing()
            try removePins()
        }
        try CgroupRules.releaseAll()
    }

    /// The kernel lets go of a pinned link in an RCU callback (bpf_free_inode()), and of the program
    /// by a work item after it, and runs it until then. So the program is told first, if it is one
    /// of this layout, and there is a libbpf.
    private static func selectNothing() {
        do {
            let libbpf = try LibBPF(debug: false)
            try BPFProgram.pinned(in: BPFPins.current, libbpf: libbpf)?.choose([:])
        } catch {}
    }

    // MARK: The program

    /// The program in force; nil when there is none.
    func current() throws(Failure) -> BPFProgram? {
        guard access(BPFPins.current, F_OK) == 0 else { return nil }
        do throws(Errno) {
            if let program = try BPFProgram.pinned(in: BPFPins.current, libbpf: libbpf) {
                return program
            }
        } catch {
            if error.rawValue != ENOENT { throw BPFRefusal.state(error) }
        }
        throw BPFRefusal.otherLayout
    }

    /// The program in force, once it is there and as new as this mptcpize.
    func upToDate() throws(Failure) -> BPFProgram {
        guard let older = try current() else {
            let program = try BPFLoader(libbpf: libbpf).load(keeping: [])
            try putInForce(program) {
                clinux_rename_new(AT_FDCWD, BPFPins.next, BPFPins.current)
            }
            return program
        }
        do throws(Errno) {
            if try older.currentRevision() >= MPTCPIZE_BPF_REVISION { return older }
        } catch {
            throw BPFRefusal.state(error)
        }
        let program = try BPFLoader(libbpf: libbpf).load(keeping: older.keptMaps)
        try putInForce(program) {
            clinux_rename_exchange(AT_FDCWD, BPFPins.next, BPFPins.current)
        }
        return program
    }

    /// Pins a program aside, and commits it by the rename.
    private func putInForce(
        _ program: borrowing BPFProgram, commit: () -> Int32
    ) throws(Failure) {
        try BPFPins.prepare()
        do throws(Errno) {
            try program.pin(in: BPFPins.next)
            try pinRemedies(besides: program)
            guard commit() == 0 else { throw Errno.last }
            try program.goLive()
            try BPFPins.remove(BPFPins.next)
        } catch {
            try mend()
            throw BPFRefusal.state(error)
        }
    }

    /// Finishes or takes back what an earlier command did not get done.
    func mend() throws(Failure) {
        guard try BPFPins.exist() else { return }
        guard let program = try current() else { return try Self.removePins() }
        do throws(Errno) {
            // Before the one that may have been in force until the rename goes.
            try program.goLive()
            try BPFPins.remove(BPFPins.next)
            try dropEnded(program)
            try prune(program)
            guard try program.selected().isEmpty else { return }
        } catch {
            throw BPFRefusal.state(error)
        }
        try Self.removePins()
    }

    private static func removePins() throws(Failure) {
        do throws(Errno) {
            try BPFPins.removeAll()
        } catch {
            throw BPFRefusal.state(error)
        }
    }

    // MARK: Socket options

    /// Puts the programs that mend socket options beside one that is about to be put in
    /// force, where this kernel takes them.
    private func pinRemedies(besides program: borrowing BPFProgram) throws(Errno) {
        let remedies: BPFRemedies
        do throws(Errno) {
            remedies = try BPFRemedies.load(keeping: BPFPins.current, libbpf: libbpf)
        } catch {
            return
        }
        try remedies.pin(in: BPFPins.next)
        _ = try attachRemedies(to: program.selected(), in: BPFPins.next)
    }

    /// Attaches them to cgroups that are selected, or are to be.
    func attachRemedies(
        to selection: BPFSelectionMap.Selection, in directory: String
    ) throws(Errno) -> [Failure] {
        guard let remedies = try BPFRemedies.pinned(in: directory, libbpf: libbpf) else {
            return [BPFRefusal.noRemedies]
        }
        var warnings: [Failure] = []
        for id in selection.keys {
            if let path = hierarchy.location(of: id).path, TransientCgroup.isStrict(path) {
                continue
            }
            do throws(Errno) {
                try remedies.attach(id, of: hierarchy, in: directory)
            } catch {
                if error.rawValue == ENOMEM { throw error }
                let location = hierarchy.location(of: id)
                guard location != .gone else { continue }
                warnings.append(BPFRefusal.noRemedies(location.path ?? "cgroup \(id)", error))
            }
        }
        return warnings
    }

    /// Drops what is kept for cgroups that are not selected.
    func prune(_ program: borrowing BPFProgram) throws(Errno) {
        try program.prune()
        try BPFRemedies.prune(BPFPins.current, keeping: program.selected().keys)
    }

    // MARK: The selection

    func deselect(_ ids: Set<UInt64>, _ program: borrowing BPFProgram) throws(Failure) {
        do throws(Errno) {
            try program.choose(program.selected().filter { !ids.contains($0.key) })
        } catch {
            throw BPFRefusal.state(error)
        }
        try mend()
    }

    func allEntries(_ program: borrowing BPFProgram) throws(Failure) -> [AttachedCgroup] {
        do throws(Errno) {
            return try program.cgroups(in: hierarchy)
        } catch {
            throw BPFRefusal.state(error)
        }
    }

    private func notAttached(_ path: String) -> Failure {
        Failure(
            .failed, path, "is not attached", remedy: "`mptcpize bpf list` shows what is attached")
    }
}
