import CLinux
import Glibc
import LinuxSystem
import Processes

/// A cgroup for one program and its descendants, below the cgroup that mptcpize runs in, so that
/// limits and the service manager's accounting still apply.
///
/// It is selected before the program starts. When its last process has ended, a keeper (a process
/// of mptcpize outside the cgroup) removes it. If the keeper was killed, the next BPFSession does.
package enum TransientCgroup {
    /// What the last part of the path of such a cgroup begins with.
    static let prefix = "mptcpize-run-"
    /// What it begins with where options are to stay refused (`run --strict`).
    private static let strictPrefix = prefix + "strict-"

    /// Makes a cgroup, has the kernel make its sockets MPTCP, and moves this process, which
    /// has one thread, into it: what it starts or becomes is in there from the beginning.
    ///
    /// - Parameters:
    ///   - reporting: whether what becomes of its sockets is to be told.
    ///   - strict: whether options that MPTCP refuses are to stay refused.
    ///   - rules: what stays TCP.
    ///   - warn: is told what works less than it should.
    /// - Throws: why that cannot be, as our own failure (125). Nothing is left behind then.
    package static func enter(
        reporting: Bool, strict: Bool, rules: CgroupRules, warn: (Failure) -> Void
    ) throws(Failure) -> KernelEvents? {
        do throws(Failure) {
            guard geteuid() == 0 else {
                throw BPFRefusal.notRoot(command: "mptcpize run --mode bpf …")
            }
            // Until this process is inside, no other command may change anything: an empty
            // one is always one that has ended.
            let session = try BPFSession.open()
            defer { extendLifetime(session) }
            let cgroup = try make(session, strict: strict)
            do throws(Failure) {
                for warning in try session.attach([(cgroup, rules)]) { warn(warning) }
            } catch {
                _ = rmdir(cgroup.path)
                throw error
            }
            let delegation = Delegation(to: cgroup)
            let keeper = try CgroupKeeper.start(for: cgroup, delegation)
            defer { extendLifetime(keeper) }
            let events = reporting ? try session.events(of: cgroup) : nil
            try enter(cgroup.path)
            delegation?.passOn()
            return events
        } catch {
            throw Failure(.own, error.object, error.reason, remedy: error.remedy)
        }
    }

    /// A new cgroup below the one of this process, or below the next one above it that can
    /// have children with processes: threaded cgroups (cgroup.type) cannot.
    private static func make(
        _ session: borrowing BPFSession, strict: Bool
    ) throws(Failure) -> Cgroup {
        var parent = try session.cgroup(pid: getpid()).path
        removeEnded(in: parent)
        while true {
            let path = try makeDirectory(in: parent, strict: strict)
            do throws(Failure) {
                let isDomain = (try? lines(ofFile: "\(path)/cgroup.type")) == ["domain"]
                if isDomain { return try session.cgroup(path: path) }
                _ = rmdir(path)
                guard let slash = parent.lastIndex(of: "/") else {
                    throw Failure(.own, path, "cannot contain processes")
                }
                parent = try session.cgroup(path: String(parent[..<slash])).path
            } catch {
                _ = rmdir(path)
                throw error
            }
        }
    }

    private static func makeDirectory(
        in parent: String, strict: Bool
    ) throws(Failure) -> String {
        let name = "\(parent)/\(strict ? strictPrefix : prefix)\(getpid())"
        // The name can be taken by one that was left behind, of a process with this number.
        for attempt in 0..<64 {
            let path = attempt == 0 ? name : "\(name)-\(attempt)"
            if mkdir(path, 0o755) == 0 { return path }
            let error = Errno.last
            if error.rawValue == EEXIST { continue }
            if error.rawValue == EROFS {
                throw Failure(
                    .own, path,
                    "cannot make a cgroup: ProtectControlGroups= of the unit, or "
                        + "something else, made it read-only",
                    remedy: "use `mptcpize enable --mode bpf UNIT`, or set "
                        + "ProtectControlGroups=no")
            }
            throw Failure(
                .own, path, "cannot make a cgroup: \(error.reason)",
                remedy: "use one that exists: mptcpize bpf attach --cgroup \(parent)")
        }
        throw Failure(.own, name, "there are too many such cgroups", remedy: "rmdir \(name)*")
    }

    private static func enter(_ path: String) throws(Failure) {
        do throws(Errno) {
            let file = try Descriptor.open("\(path)/cgroup.procs", O_WRONLY)
            try writeAll("0".utf8, to: file.number)
        } catch {
            throw Failure(.own, path, "cannot be entered: \(error.reason)")
        }
    }

    /// Whether the cgroup of this path was made by `run --strict`.
    static func isStrict(_ path: String) -> Bool {
        (path.split(separator: "/").last ?? "").hasPrefix(strictPrefix)
    }

    // MARK: Its end

    /// Whether the cgroup of this path was made by `run` and has no process left. If so, it
    /// is taken away. To be called by who holds BPFLock.
    static func removeIfEnded(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        guard name.hasPrefix(prefix), !isPopulated(path) else { return false }
        remove(path)
        return true
    }

    /// What killed runs have left here before it was selected.
    private static func removeEnded(in parent: String) {
        for name in directoryEntries(parent) { _ = removeIfEnded("\(parent)/\(name)") }
    }

    /// Takes a cgroup without processes away, with those that its program has made in it.
    static func remove(_ path: String) {
        // Fails for all but directories. No link can be in a cgroup2 file system.
        for name in directoryEntries(path) where isDirectory("\(path)/\(name)") {
            remove("\(path)/\(name)")
        }
        _ = rmdir(path)
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether any process is in the cgroup or below it.
    static func isPopulated(_ path: String) -> Bool {
        (try? lines(ofFile: "\(path)/cgroup.events"))?.contains("populated 1") ?? false
    }
}
