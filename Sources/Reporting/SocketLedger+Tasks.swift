extension SocketLedger {
    /// Work that is as long as a process's list of sockets, or as the list of processes. It is done
    /// in pieces, so signals and the program's end do not have to wait. Nothing is noted before it is
    /// done.
    enum Task {
        case hold(Int32, [Int32: Int], [Int32: Int].Index)
        case drop(Int32, [Int32: Int], [Int32: Int].Index, hasDied: Bool)
        case tellOfCloses([ExecClose])
        case sweep([Int32])
    }

    /// Steps that take about a millisecond.
    package static let moment = 4096

    /// Whether there is something for `work`, to be done before the next record is fed.
    package var isBusy: Bool { !tasks.isEmpty }

    /// Does so many steps of what records have begun.
    ///
    /// - Returns: what a person who watches would like to be told now.
    @discardableResult
    package mutating func work(_ most: Int = moment) -> SocketNews? {
        var left = most
        var news: [SocketNews] = []
        while left > 0, !tasks.isEmpty {
            let task = tasks.removeFirst()
            switch task {
            case .hold(let pid, let held, var place):
                while left > 0, place != held.endIndex {
                    hold(held[place].value, Holder(pid: pid, fd: held[place].key))
                    held.formIndex(after: &place)
                    left -= 1
                }
                if place != held.endIndex { tasks.insert(.hold(pid, held, place), at: 0) }
            case .drop(let pid, let held, var place, let hasDied):
                while left > 0, place != held.endIndex {
                    let holder = Holder(pid: pid, fd: held[place].key)
                    let index = held[place].value
                    if hasDied, entries[index].holders.contains(holder) {
                        entries[index].died = holder
                    }
                    drop(index, holder)
                    held.formIndex(after: &place)
                    left -= 1
                }
                if place != held.endIndex {
                    tasks.insert(.drop(pid, held, place, hasDied: hasDied), at: 0)
                }
            case .tellOfCloses(let closes):
                news += closes.compactMap { newsOfClose($0.index) }
                left -= closes.count
            case .sweep(let pids): sweep(pids, &left)
            }
        }
        return news.isEmpty ? nil : .several(news)
    }

    /// Forgets dead processes: a server that forks for each connection has many.
    mutating func sweep() {
        tasks.append(.sweep(Array(processes.keys)))
        sweepAt = .max
    }

    private mutating func sweep(_ pids: [Int32], _ left: inout Int) {
        // A question to the kernel takes as long as some steps.
        let steps = 8
        var pids = pids
        while left > 0, let pid = pids.popLast() {
            left -= steps
            guard !isAlive(pid), let process = processes.removeValue(forKey: pid) else { continue }
            pastCount -= process.past
            if process.open.isEmpty { continue }
            tasks.append(.drop(pid, process.open, process.open.startIndex, hasDied: true))
        }
        if pids.isEmpty {
            sweepAt = max(1024, 2 * processes.count)
        } else {
            tasks.append(.sweep(pids))
        }
    }

    /// A new look at the records: what is known of who lives is old.
    package mutating func beginLook() { allowance = Allowance() }

    /// What one look may take to find out who of a socket's many holders lives.
    struct Allowance {
        private var visits = 1 << 16
        private var questions = 1 << 11
        private var known: [Int32: Bool] = [:]

        /// So few may always be asked for, and anew each time.
        private static let few = 16

        mutating func permits(_ holders: Int) -> Bool {
            if holders <= Self.few { return true }
            visits -= holders
            return visits >= 0
        }

        /// True where no more may be asked.
        mutating func isAlive(_ pid: Int32, of holders: Int, _ ask: IsAlive) -> Bool {
            if holders <= Self.few { return ask(pid) }
            if let answer = known[pid] { return answer }
            guard questions > 0 else { return true }
            questions -= 1
            let answer = ask(pid)
            known[pid] = answer
            return answer
        }
    }
}
