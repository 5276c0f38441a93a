import SocketRecords

// Who has a socket open: what duplicates, forks, execs and closes do to it.
//
// A record takes constant time, however many sockets and processes there are, and even if it makes
// no sense. Work that is as long as a process's list of sockets becomes a task
// (SocketLedger+Tasks.swift).

extension SocketLedger {
    struct ExecClose {
        var fd: Int32
        var index: Int
        var wasHolder: Bool
    }

    struct Process {
        var open: [Int32: Int] = [:]
        /// What was open when it last began to fork.
        var forking: [Int32: Int]?
        /// Closed by an exec that may still fail.
        var execClosed: [ExecClose] = []
        /// What was open before the program image changed, for sockets without a number.
        var before: [Int32: Int] = [:]

        /// Descriptors kept beside those that are open.
        var past: Int { (forking?.count ?? 0) + execClosed.count + before.count }
    }

    /// Bounds of what a program, or garbage in the ring, can make us keep. With those of sockets
    /// and remedies, 1.8 GB were measured with a million sockets, while their report is written.
    /// What is beyond is counted as lost; the
    /// close of a socket is understood all the same.
    private enum Most {
        static let holders = 1 << 21
        static let past = 1 << 21
        /// Descriptors of one process, and of one socket: Dictionary has to move all of them now
        /// and then, at 0.1 µs each.
        static let open = 1 << 18
        static let ofSocket = 1 << 16
    }

    mutating func duplicate(_ event: SocketEvent) {
        let origin = processes[event.pid]?.open[event.origin]
        guard let index = find(event, likely: origin) else { return }
        hold(index, Holder(pid: event.pid, fd: event.fd))
    }

    mutating func inherit(_ event: SocketEvent) {
        let former = processes[event.pid]?.before[event.fd]
        guard let index = find(event, likely: former) else { return }
        if entries[index].socket.fd < 0, entries[index].socket.pid == event.pid {
            entries[index].socket.fd = event.fd
        }
        hold(index, Holder(pid: event.pid, fd: event.fd))
    }

    /// A new program image: what it holds follows. What close-on-exec took has been told.
    mutating func start(_ event: SocketEvent) {
        let pid = event.pid
        unreached.withdraw(pid)
        let most = 16
        if let library = event.otherLibrary, otherLibraries.count < most,
            !otherLibraries.contains(library)
        {
            otherLibraries.append(library)
        }
        guard let former = processes.removeValue(forKey: pid) else { return }
        pastCount -= former.past
        drop(former.open, of: pid)
        if !former.execClosed.isEmpty { tasks.append(.tellOfCloses(former.execClosed)) }
        var process = Process(forking: former.forking)
        if pastCount + process.past + former.open.count <= Most.past {
            process.before = former.open
        } else {
            overflow += 1
        }
        pastCount += process.past
        processes[pid] = process
    }

    /// Also of a process that holds nothing: what it opens before its child has come to say
    /// so, the child does not have.
    mutating func beginFork(_ pid: Int32) {
        let open = processes[pid]?.open ?? [:]
        let former = processes[pid]?.forking?.count ?? 0
        makeProcess(pid)
        guard pastCount - former + open.count <= Most.past else {
            overflow += 1
            return
        }
        pastCount += open.count - former
        processes[pid]!.forking = open
    }

    mutating func fork(_ pid: Int32, of parent: Int32) {
        forget(pid)
        unreached.confirm(pid)
        guard let process = processes[parent] else { return }
        let held = process.forking ?? process.open
        if !held.isEmpty { tasks.append(.hold(pid, held, held.startIndex)) }
    }

    /// A PID is used again: what its former owner held went without a word.
    private mutating func forget(_ pid: Int32) {
        guard let process = processes.removeValue(forKey: pid) else { return }
        pastCount -= process.past
        drop(process.open, of: pid)
    }

    private mutating func drop(_ open: [Int32: Int], of pid: Int32) {
        if !open.isEmpty { tasks.append(.drop(pid, open, open.startIndex, hasDied: false)) }
    }

    /// Has a place for a process; the dead ones make room.
    private mutating func makeProcess(_ pid: Int32) {
        guard processes[pid] == nil else { return }
        if processes.count >= sweepAt { sweep() }
        processes[pid] = Process()
    }

    mutating func hold(_ index: Int, _ holder: Holder) {
        makeProcess(holder.pid)
        // The number can only be free because its close was not seen.
        if let former = processes[holder.pid]!.open.removeValue(forKey: holder.fd) {
            drop(former, holder)
        }
        guard holderCount < Most.holders, entries[index].holders.count < Most.ofSocket,
            processes[holder.pid]!.open.count < Most.open
        else {
            overflow += 1
            return
        }
        processes[holder.pid]!.open[holder.fd] = index
        entries[index].holders.append(holder)
        holderCount += 1
    }

    mutating func drop(_ index: Int, _ holder: Holder) {
        if entries[index].holders.remove(holder) { holderCount -= 1 }
    }

    // MARK: - Ends

    mutating func close(_ event: SocketEvent) -> SocketNews? {
        guard let index = find(event) else { return nil }
        let holder = Holder(pid: event.pid, fd: event.fd)
        let isHolder = processes[event.pid]?.open[event.fd] == index
        if isHolder {
            processes[event.pid]!.open.removeValue(forKey: event.fd)
            drop(index, holder)
        }
        if event.answer.wire != .unknown || entries[index].closing == nil {
            entries[index].closing = event.answer
        }
        if event.cause == .exec {
            // Also for a vfork child, which holds nothing by our records.
            makeProcess(event.pid)
            guard pastCount < Most.past, processes[event.pid]!.execClosed.count < Most.open else {
                overflow += 1
                return nil
            }
            pastCount += 1
            processes[event.pid]!.execClosed.append(
                ExecClose(fd: event.fd, index: index, wasHolder: isHolder))
            return nil
        }
        if entries[index].died == holder { entries[index].died = nil }
        prune(index)
        return newsOfClose(index)
    }

    /// Whoever is dead by now held the socket for less long than the close just read. Where too
    /// many would have to be asked for, that is left open: they count as alive until the end.
    private mutating func prune(_ index: Int) {
        let holders = entries[index].holders.list
        guard allowance.permits(holders.count) else { return }
        for holder in holders where !allowance.isAlive(holder.pid, of: holders.count, isAlive) {
            if processes[holder.pid]?.open[holder.fd] == index {
                processes[holder.pid]!.open.removeValue(forKey: holder.fd)
            }
            drop(index, holder)
        }
    }

    mutating func execFailed(_ pid: Int32) {
        unreached.withdraw(pid)
        guard let closes = processes[pid]?.execClosed, !closes.isEmpty else { return }
        pastCount -= closes.count
        processes[pid]!.execClosed = []
        var open: [Int32: Int] = [:]
        for close in closes where close.wasHolder && processes[pid]!.open[close.fd] == nil {
            open[close.fd] = close.index
        }
        tasks.append(.hold(pid, open, open.startIndex))
    }

    func newsOfClose(_ index: Int) -> SocketNews? {
        guard entries[index].closing?.wire == .fallback, entries[index].holders.isEmpty else {
            return nil
        }
        return .fellBack(entries[index].socket)
    }
}
