import CLinux
import Glibc
import LinuxSystem
import Netlink
import Processes
import SocketValues
import TextOutput

/// `mptcpize events`: prints a line for each event of an MPTCP connection of this network namespace,
/// until a signal ends it or its output is no longer read.
///
/// The kernel has events for connections that are made or closed, and for subflows. It only counts
/// fallbacks: the counters are read ten times a second, and the sockets if a counter has risen.
package struct EventWatch: ~Copyable {
    private var sources: Sources
    private var ledger = ConnectionLedger()
    private var counters: MPTCPCounters
    private let isJSON: Bool
    /// Not before, for what takes long: four fifths of the time are others'.
    private var nextLook = ContinuousClock.now
    private var nextRead = ContinuousClock.now
    /// Whether events were lost, and what is there has yet to be compared.
    private var isBehind = false

    private static let interval = Duration.milliseconds(100)
    private static let share = 4

    /// - Throws: `Failure` where the kernel does not tell, or not this user.
    package init(isJSON: Bool) throws(Failure) {
        let counters = MPTCPCounters()
        let sources: Sources
        do throws(Errno) {
            sources = try Sources()
        } catch {
            throw Self.refusal(error)
        }
        let present = try Self.sockets()
        self.isJSON = isJSON
        self.counters = counters
        self.sources = sources
        ledger.begin(with: present)
    }

    private struct Sources: ~Copyable {
        let events: PathEvents
        var finder: SocketFinder

        init() throws(Errno) {
            let events = try PathEvents()
            finder = try SocketFinder()
            self.events = events
        }
    }

    private static func refusal(_ error: Errno) -> Failure {
        switch error.rawValue {
        case EPERM, EACCES:
            Failure(
                .failed, "events", "need root (CAP_NET_ADMIN)",
                remedy: "try: sudo mptcpize events")
        case ENOENT:
            Failure(
                .failed, "events", "this kernel has none for MPTCP (Linux 5.12 or newer has)",
                remedy: "`mptcpize check` shows more")
        default: Failure(.failed, "events", error.reasonInSentence)
        }
    }

    /// Returns after SIGINT, SIGTERM or SIGHUP, or when nobody reads any more.
    package mutating func run() throws(Failure) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        for signal in [SIGINT, SIGTERM, SIGHUP] where !clinux_ignores(signal) {
            sigaddset(&signals, signal)
        }
        var before = sigset_t()
        sigprocmask(SIG_BLOCK, &signals, &before)
        defer { sigprocmask(SIG_SETMASK, &before, nil) }
        while true {
            guard try say(told()) else { return }
            guard wait() else { return }
            var signal = clinux_signal()
            if clinux_wait_signal(&signals, 0, &signal) { return }
        }
    }

    /// Waits for an event, or a while; false when nobody reads any more.
    private func wait() -> Bool {
        let clock = ContinuousClock()
        let isPaused = clock.now < nextRead
        var polled = [
            // Of a pipe whose reader has gone, POLLERR.
            pollfd(fd: STDOUT_FILENO, events: 0, revents: 0),
            pollfd(fd: isPaused ? -1 : sources.events.number, events: Int16(POLLIN), revents: 0),
        ]
        let (_, attoseconds) = Self.interval.components
        _ = poll(&polled, 2, Int32(attoseconds / 1_000_000_000_000_000))
        return polled[0].revents & Int16(POLLERR | POLLNVAL) == 0
    }

    private mutating func told() throws(Failure) -> [ConnectionEvent] {
        let clock = ContinuousClock()
        var result: [ConnectionEvent] = []
        if clock.now >= nextRead {
            do throws(Errno) {
                var batch = try sources.events.receive()
                sources.finder.prepare(&batch)
                nextRead = clock.now + sources.finder.effort * Self.share
                for event in batch {
                    if let told = ledger.feed(event, owner: { sources.finder.owner(of: $0) }) {
                        result.append(told)
                    }
                }
            } catch {
                guard error.rawValue == ENOBUFS else { throw Self.refusal(error) }
                result.append(ConnectionEvent(.missed))
                isBehind = true
            }
        }
        if isBehind {
            // What still waits is older than what is there.
            isBehind = !drain()
            result += ledger.reconcile(with: try Self.sockets())
        }
        if clock.now >= nextLook { result += try fallbacks() }
        return result
    }

    /// Reads until nothing waits: only then does the kernel tell of further losses
    /// (net/netlink/af_netlink.c, NETLINK_S_CONGESTED).
    ///
    /// - Returns: whether there was such a moment.
    private func drain() -> Bool {
        for _ in 0..<64 {
            if let rest = try? sources.events.receive(), rest.isEmpty { return true }
        }
        return false
    }

    private mutating func fallbacks() throws(Failure) -> [ConnectionEvent] {
        let now = MPTCPCounters()
        let former = Dictionary(
            uniqueKeysWithValues: counters.fallbacks.map { ($0.cause, $0.count) })
        let risen = now.fallbacks.map {
            (cause: $0.cause, count: $0.count &- (former[$0.cause] ?? 0))
        }
        .filter { $0.count > 0 }
        counters = now
        guard !risen.isEmpty else { return [] }
        // `mptcpize metrics` makes one of these without a connection, to see whether it is so.
        let counted = risen.filter { $0.cause != "blackhole" }.reduce(0) { $0 + $1.count }
        let clock = ContinuousClock()
        let start = clock.now
        let sockets = try Self.sockets()
        nextLook = clock.now + (clock.now - start) * Self.share
        return ledger.fallbacks(
            among: sockets, cause: risen.count == 1 ? risen[0].cause : nil, counted: counted)
    }

    /// The MPTCP sockets that are connected now.
    private static func sockets() throws(Failure) -> [ConnectionLedger.Present] {
        let inventory = try SocketQuery.inventory()
        let listing = SocketListing(joining: inventory, owners: SocketOwners { _ in true })
        let ports = Set(
            inventory.mptcp.filter { $0.state == .listen }.map(\.local.port))
        return listing.sockets.filter { [.mptcp, .fallback].contains($0.wire) }.map { socket in
            ConnectionLedger.Present(
                token: socket.socket.mptcp?.token ?? 0, cookie: socket.socket.cookie,
                local: socket.socket.local, remote: socket.socket.remote,
                isServer: ports.contains(socket.socket.local.port),
                owner: socket.owners.first.map(SocketFinder.owner),
                fellBack: socket.wire == .fallback, isClosed: socket.socket.isClosed)
        }
    }

    /// False when nobody reads any more.
    private func say(_ events: [ConnectionEvent]) throws(Failure) -> Bool {
        if events.isEmpty { return true }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let milliseconds = UInt64(now.tv_sec) * 1000 + UInt64(now.tv_nsec) / 1_000_000
        var bytes: [UInt8] = []
        for event in events {
            bytes +=
                isJSON
                ? event.json(at: milliseconds).line
                : Array(event.line(at: milliseconds).utf8) + [0x0A]
        }
        do throws(Errno) {
            try writeAll(bytes, to: STDOUT_FILENO)
            return true
        } catch {
            if [EPIPE, EIO].contains(error.rawValue) { return false }
            throw Failure(.failed, "standard output", error.reason)
        }
    }
}
