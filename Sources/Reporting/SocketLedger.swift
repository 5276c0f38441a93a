import ConnectionPolicy
import LinuxSystem
import SocketRecords
import SocketValues

/// What became of each socket of the program: fed with records in the order of the ring,
/// asked at the end.
///
/// A socket lives as long as a descriptor of it is open in any process: its *holders*. The
/// kernel's answer is read by each close; the last one counts. What no close told is asked
/// of the living holders at the end, and is unknown with the dead.
///
/// Records can be lost, and processes can be where no record comes from (static programs,
/// raw system calls): nothing here relies on a record having come, and PIDs can be used
/// again by another process at any time.
package struct SocketLedger {
    /// Whether a process with this PID lives (a zombie does not: its descriptors are gone).
    package typealias IsAlive = (_ pid: Int32) -> Bool

    /// A descriptor that is open on a socket.
    struct Holder: Equatable {
        var pid: Int32
        var fd: Int32
    }

    struct Entry {
        var socket: ReportedSocket
        var inode: UInt64
        var holders: [Holder] = []
        /// One that died holding it, and was forgotten since.
        var died: Holder?
        /// The kernel's answer at the last close.
        var closing: WireAnswer?
        /// At the last shutdown for sending: subflows are not told any more after both FINs.
        var observed: WireAnswer?
        var hasListened = false
        var isCreated = false
    }

    private struct ExecClose {
        var fd: Int32
        var index: Int
        var wasHolder: Bool
    }

    private struct Process {
        var open: [Int32: Int] = [:]
        /// What was open when it last began to fork.
        var forking: [Int32: Int]?
        /// Closed by an exec that may still fail.
        var execClosed: [ExecClose] = []
        /// What was open before the program image changed, for sockets without a number.
        var before: [Int32: Int] = [:]
    }

    /// Whether any record has come.
    package private(set) var hasRecords = false
    private(set) var entries: [Entry] = []
    /// Programs that the library did not come into.
    package private(set) var unreached = UnreachedPrograms()
    /// Libraries that programs were started with before ours.
    package private(set) var otherLibraries: [Bytes] = []
    /// Records of new sockets that found no room here.
    package private(set) var overflow: UInt64 = 0
    private var byInode: [UInt64: Int] = [:]
    private var processes: [Int32: Process] = [:]
    private var holderCount = 0
    private var sweepAt = 1024
    /// Protocols of listeners by port: why an accepted connection is TCP.
    private var listeners: [UInt16: SocketEvent.SocketType] = [:]
    private let isAlive: IsAlive
    /// Where the rules that the program was started with were written, by their numbers.
    private let rules: [PolicyOrigin]

    /// Bounds what a program, or garbage in the ring, can make us keep: about 250 MB.
    private let mostEntries: Int
    private static let mostHolders = 1 << 22

    package init(
        mostEntries: Int = 1 << 20, rules: [PolicyOrigin] = [], isAlive: @escaping IsAlive
    ) {
        self.rules = rules
        self.mostEntries = mostEntries
        self.isAlive = isAlive
    }

    /// Takes note of a record.
    ///
    /// - Returns: what a person who watches would like to be told now.
    @discardableResult
    package mutating func feed(_ event: SocketEvent) -> SocketNews? {
        hasRecords = true
        switch event.kind {
        case .created, .accepted: return begin(event)
        case .listening: listen(event)
        case .connecting: connect(event)
        case .duplicated: duplicate(event)
        case .inherited: inherit(event)
        case .observed: if let index = find(event) { entries[index].observe(event.answer) }
        case .closed: return close(event)
        case .remedied: return remedy(event)
        case .ruled: return rule(event)
        case .started: return start(event)
        case .forking: beginFork(event.pid)
        case .forked: fork(event.pid, of: event.origin)
        case .execFailed: execFailed(event.pid)
        case .unreached:
            guard let program = event.unreached else { return nil }
            unreached.add(program, event.pid)
            return .unreached(program, event.pid)
        }
        return nil
    }

    // MARK: - Beginnings

    /// A number that is known already has been given out again. Who watches is told of each
    /// socket, also when there is no more room for it.
    private mutating func begin(_ event: SocketEvent) -> SocketNews? {
        var socket = ReportedSocket(event)
        if event.kind == .accepted {
            socket.role = .accept
            if let port = event.local?.port { socket.listener = listeners[port] }
        }
        socket.policy = origin(event)
        let news: SocketNews = event.kind == .created ? .created(socket) : .accepted(socket)
        guard entries.count < mostEntries, holderCount < Self.mostHolders else {
            overflow += 1
            return news
        }
        let index = entries.count
        entries.append(Entry(socket: socket, inode: event.inode))
        entries[index].isCreated = event.kind == .created
        if event.inode != 0 { byInode[event.inode] = index }
        if event.fd >= 0 { hold(index, Holder(pid: event.pid, fd: event.fd)) }
        return news
    }

    private mutating func listen(_ event: SocketEvent) {
        if let port = event.local?.port { listeners[port] = event.socket }
        guard let index = find(event) else { return }
        entries[index].hasListened = true
        entries[index].socket.role = .listen
        entries[index].socket.local = event.local ?? entries[index].socket.local
    }

    private mutating func connect(_ event: SocketEvent) {
        guard let index = find(event) else { return }
        entries[index].socket.role = .connect
        entries[index].socket.remote = event.remote ?? entries[index].socket.remote
        entries[index].socket.local = event.local ?? entries[index].socket.local
        entries[index].socket.connectError = event.error
    }

    private mutating func remedy(_ event: SocketEvent) -> SocketNews? {
        guard let remedy = event.remedy else { return nil }
        if remedy.kind == .demote { replace(event) }
        guard let index = find(event) else { return nil }
        // A program that sets an option on each write must not fill the report.
        let most = 32
        if entries[index].socket.remedies.contains(remedy)
            || entries[index].socket.remedies.count >= most
        {
            return nil
        }
        entries[index].socket.remedies.append(remedy)
        return .remedied(entries[index].socket, remedy)
    }

    private func origin(_ event: SocketEvent) -> PolicyOrigin? {
        guard let rule = event.rule, rules.indices.contains(rule) else { return nil }
        return rules[rule]
    }

    private mutating func rule(_ event: SocketEvent) -> SocketNews? {
        if event.socket == .tcp { replace(event) }
        guard let index = find(event), let origin = origin(event),
            entries[index].socket.policy != origin
        else { return nil }
        entries[index].socket.policy = origin
        return .ruled(entries[index].socket)
    }

    /// The program's socket is another one from now on, under the same numbers; each of
    /// them is told.
    private mutating func replace(_ event: SocketEvent) {
        guard event.inode != 0, let index = processes[event.pid]?.open[event.fd],
            entries[index].inode != event.inode
        else { return }
        if byInode[entries[index].inode] == index { byInode[entries[index].inode] = nil }
        entries[index].inode = event.inode
        byInode[event.inode] = index
        entries[index].socket.socket = event.socket
    }

    // MARK: - Holders

    private mutating func duplicate(_ event: SocketEvent) {
        let origin = processes[event.pid]?.open[event.origin]
        guard let index = find(event, likely: origin) else { return }
        hold(index, Holder(pid: event.pid, fd: event.fd))
    }

    private mutating func inherit(_ event: SocketEvent) {
        let former = processes[event.pid]?.before[event.fd]
        guard let index = find(event, likely: former) else { return }
        if entries[index].socket.fd < 0, entries[index].socket.pid == event.pid {
            entries[index].socket.fd = event.fd
        }
        hold(index, Holder(pid: event.pid, fd: event.fd))
    }

    /// A new program image: what it holds follows. What close-on-exec took has been told.
    private mutating func start(_ event: SocketEvent) -> SocketNews? {
        let pid = event.pid
        unreached.withdraw(pid)
        let most = 16
        if let library = event.otherLibrary, otherLibraries.count < most,
            !otherLibraries.contains(library)
        {
            otherLibraries.append(library)
        }
        guard var process = processes.removeValue(forKey: pid) else { return nil }
        for (fd, index) in process.open { drop(index, Holder(pid: pid, fd: fd)) }
        let news = process.execClosed.compactMap { newsOfClose($0.index) }
        process = Process(forking: process.forking, before: process.open)
        processes[pid] = process
        return news.isEmpty ? nil : .several(news)
    }

    /// Also of a process that holds nothing: what it opens before its child has come to say
    /// so, the child does not have.
    private mutating func beginFork(_ pid: Int32) {
        if processes.count >= sweepAt { sweep() }
        processes[pid, default: Process()].forking = processes[pid]?.open ?? [:]
    }

    private mutating func fork(_ pid: Int32, of parent: Int32) {
        forget(pid)
        unreached.confirm(pid)
        // A parent that is dead by now is swept away.
        let process = processes[parent]
        if processes.count >= sweepAt { sweep() }
        guard let held = process.map({ $0.forking ?? $0.open }) else { return }
        guard holderCount + held.count <= Self.mostHolders else {
            overflow += 1
            return
        }
        for (fd, index) in held { hold(index, Holder(pid: pid, fd: fd)) }
    }

    /// A PID is used again: what its former owner held went without a word.
    private mutating func forget(_ pid: Int32) {
        guard let process = processes.removeValue(forKey: pid) else { return }
        for (fd, index) in process.open { drop(index, Holder(pid: pid, fd: fd)) }
    }

    private mutating func hold(_ index: Int, _ holder: Holder) {
        guard holderCount < Self.mostHolders else {
            overflow += 1
            return
        }
        // The number can only be free because its close was not seen.
        if let former = processes[holder.pid]?.open[holder.fd] { drop(former, holder) }
        processes[holder.pid, default: Process()].open[holder.fd] = index
        entries[index].holders.append(holder)
        holderCount += 1
    }

    @discardableResult
    private mutating func drop(_ index: Int, _ holder: Holder) -> Bool {
        let position = entries[index].holders.firstIndex {
            $0.pid == holder.pid && $0.fd == holder.fd
        }
        guard let position else { return false }
        entries[index].holders.remove(at: position)
        holderCount -= 1
        return true
    }

    // MARK: - Ends

    private mutating func close(_ event: SocketEvent) -> SocketNews? {
        guard let index = find(event) else { return nil }
        let isHolder = processes[event.pid]?.open[event.fd] == index
        if isHolder {
            processes[event.pid]!.open.removeValue(forKey: event.fd)
            drop(index, Holder(pid: event.pid, fd: event.fd))
        }
        if event.answer.wire != .unknown || entries[index].closing == nil {
            entries[index].closing = event.answer
        }
        if event.cause == .exec {
            // Also for a vfork child, which holds nothing by our records.
            let close = ExecClose(fd: event.fd, index: index, wasHolder: isHolder)
            processes[event.pid, default: Process()].execClosed.append(close)
            return nil
        }
        if entries[index].died == Holder(pid: event.pid, fd: event.fd) { entries[index].died = nil }
        prune(index)
        return newsOfClose(index)
    }

    /// Whoever is dead by now held the socket for less long than the close just read.
    private mutating func prune(_ index: Int) {
        for holder in entries[index].holders where !isAlive(holder.pid) {
            processes[holder.pid]?.open.removeValue(forKey: holder.fd)
            drop(index, holder)
        }
    }

    /// Forgets dead processes: a server that forks for each connection has many.
    private mutating func sweep() {
        for (pid, process) in processes where !isAlive(pid) {
            for (fd, index) in process.open {
                let holder = Holder(pid: pid, fd: fd)
                if entries[index].holders.contains(holder) { entries[index].died = holder }
                drop(index, holder)
            }
            processes.removeValue(forKey: pid)
        }
        sweepAt = max(1024, 2 * processes.count)
    }

    private mutating func execFailed(_ pid: Int32) {
        unreached.withdraw(pid)
        guard let closes = processes[pid]?.execClosed else { return }
        processes[pid]!.execClosed = []
        for close in closes where close.wasHolder && processes[pid]!.open[close.fd] == nil {
            hold(close.index, Holder(pid: pid, fd: close.fd))
        }
    }

    private func newsOfClose(_ index: Int) -> SocketNews? {
        guard entries[index].closing?.wire == .fallback, entries[index].holders.isEmpty else {
            return nil
        }
        return .fellBack(entries[index].socket)
    }

    /// The socket that a record is about; nil for one from before the run.
    private func find(_ event: SocketEvent) -> Int? {
        find(event, likely: processes[event.pid]?.open[event.fd])
    }

    /// The number in the record decides; among sockets of one number (a closed one's can be
    /// given out again) the one that is expected there.
    private func find(_ event: SocketEvent, likely: Int?) -> Int? {
        if event.inode == 0 { return likely }
        if let likely, entries[likely].inode == event.inode { return likely }
        return byInode[event.inode]
    }
}

/// What a person who watches is told as it happens.
package enum SocketNews: Equatable, Sendable {
    case created(ReportedSocket)
    case accepted(ReportedSocket)
    case remedied(ReportedSocket, Remedy)
    /// A rule of the policy decided on it.
    case ruled(ReportedSocket)
    /// At its close, the socket turned out to have spoken plain TCP.
    case fellBack(ReportedSocket)
    /// A program was started that the library does not come into.
    case unreached(UnreachedProgram, Int32)
    case several([SocketNews])
}
