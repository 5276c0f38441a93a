import Glibc

/// A cgroup that is made for one program, below the one that mptcpize runs in: limits and
/// the service manager's bookkeeping go on to hold. Gone with this value, once the last
/// process in it has ended.
///
/// `mptcpize run --mode bpf` makes it, has it attached, and starts the program in it.
public struct TransientCgroup: ~Copyable {
    /// To be given to BPFSession.attach and, in the end, by its path to detach.
    public let cgroup: Cgroup

    /// Makes a cgroup with a name that nobody has.
    public init(_ session: borrowing BPFSession) throws(Failure) {
        let parent = try session.cgroup(pid: getpid())
        let path = "\(parent.path)/mptcpize-\(getpid())"
        guard mkdir(path, 0o755) == 0 else {
            throw Failure(
                .own, path, "cannot make a cgroup: \(Errno.last.reason)",
                remedy: "attach one that exists: mptcpize bpf attach --cgroup \(parent.path)")
        }
        do throws(Failure) {
            cgroup = try session.cgroup(path: path)
        } catch {
            _ = rmdir(path)
            throw error
        }
    }

    deinit { _ = rmdir(cgroup.path) }

    /// Moves the calling process, which is single-threaded, into the cgroup: what it starts
    /// from then on is in there from its first instruction.
    public func enter() throws(Failure) {
        do throws(Errno) {
            let file = try Descriptor.open("\(cgroup.path)/cgroup.procs", O_WRONLY)
            try writeAll("0".utf8, to: file.number)
        } catch {
            throw Failure(.own, cgroup.path, "cannot be entered: \(error.reason)")
        }
    }

    /// Whether any process is left in the cgroup or below it.
    public var isPopulated: Bool {
        let events = try? lines(ofFile: "\(cgroup.path)/cgroup.events")
        return events?.contains("populated 1") ?? false
    }
}
