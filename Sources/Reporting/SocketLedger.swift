import ConnectionPolicy
import LinuxSystem
import SocketRecords
import SocketValues

/// What became of each socket of the program: fed with records in the order of the ring,
/// asked at the end.
///
/// A socket lives as long as a descriptor of it is open in any process: its *holders*. The
/// kernel's answer is read by each close; the last one counts. If no close reported it, the living
/// holders are asked at the end; if all are dead, it is unknown.
///
/// Records can be lost, and some processes write none (static programs, raw system calls). So
/// nothing here relies on a record. Another process can get the same PID at any time.
package struct SocketLedger {
    /// Whether a process with this PID lives (a zombie does not: its descriptors are gone).
    package typealias IsAlive = (_ pid: Int32) -> Bool

    struct Entry {
        var socket: ReportedSocket
        var inode: UInt64
        var holders = Holders()
        /// One that died holding it, and was forgotten since.
        var died: Holder?
        /// The kernel's answer at the last close.
        var closing: WireAnswer?
        /// At the last shutdown for sending: subflows are not told any more after both FINs.
        var observed: WireAnswer?
        var hasListened = false
        var isCreated = false
    }

    /// Whether any record has come.
    package private(set) var hasRecords = false
    var entries = SocketTable()
    /// Programs that the library did not come into.
    package internal(set) var unreached = UnreachedPrograms()
    /// Libraries that programs were started with before ours.
    package internal(set) var otherLibraries: [Bytes] = []
    /// Records that found no room here.
    package internal(set) var overflow: UInt64 = 0
    var processes: [Int32: Process] = [:]
    var holderCount = 0
    private var remedyCount = 0
    /// Descriptors in what is kept of processes' pasts (`Process.past`).
    var pastCount = 0
    var sweepAt = 1024
    /// What records have begun, and is done bit by bit.
    var tasks: [Task] = []
    var allowance = Allowance()
    /// Protocols of listeners by port: why an accepted connection is TCP.
    private var listeners: [UInt16: SocketEvent.SocketType] = [:]
    let isAlive: IsAlive
    /// Where the rules that the program was started with were written, by their numbers.
    private let rules: PolicyOrigins

    private let mostEntries: Int
    private static let mostRemedies = 1 << 20

    package init(
        mostEntries: Int = 1 << 20, rules: PolicyOrigins = PolicyOrigins(ofText: ""),
        isAlive: @escaping IsAlive
    ) {
        self.rules = rules
        self.mostEntries = mostEntries
        self.isAlive = isAlive
    }

    /// Takes note of a record. What takes longer than a moment (a process of many sockets forks)
    /// goes on in `work`, at the latest with the next record.
    ///
    /// - Returns: what a person who watches would like to be told now.
    @discardableResult
    package mutating func feed(_ event: SocketEvent) -> SocketNews? {
        let late = tasks.isEmpty ? nil : work(.max)
        let news = note(event)
        if tasks.isEmpty, late == nil { return news }
        let all = [late, news, work()].compactMap { $0 }
        return all.isEmpty ? nil : .several(all)
    }

    private mutating func note(_ event: SocketEvent) -> SocketNews? {
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
        case .started: start(event)
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
        guard entries.count < mostEntries else {
            overflow += 1
            return news
        }
        let index = entries.count
        entries.append(Entry(socket: socket, inode: event.inode))
        entries[index].isCreated = event.kind == .created
        if event.inode != 0 { entries[inode: event.inode] = index }
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
        guard remedyCount < Self.mostRemedies else {
            overflow += 1
            return nil
        }
        remedyCount += 1
        entries[index].socket.remedies.append(remedy)
        return .remedied(entries[index].socket, remedy)
    }

    private func origin(_ event: SocketEvent) -> PolicyOrigin? {
        event.rule.flatMap { rules.origin(of: $0, inTextOf: event.policySum) }
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
        let former = entries[index].inode
        if entries[inode: former] == index { entries[inode: former] = nil }
        entries[index].inode = event.inode
        entries[inode: event.inode] = index
        entries[index].socket.socket = event.socket
    }

    // MARK: - Which socket

    /// The socket that a record is about; nil for one from before the run.
    func find(_ event: SocketEvent) -> Int? {
        find(event, likely: processes[event.pid]?.open[event.fd])
    }

    /// The number in the record decides; among sockets of one number (a closed one's can be
    /// given out again) the one that is expected there.
    func find(_ event: SocketEvent, likely: Int?) -> Int? {
        if event.inode == 0 { return likely }
        if let likely, entries[likely].inode == event.inode { return likely }
        return entries[inode: event.inode]
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
