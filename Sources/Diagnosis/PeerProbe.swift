import CLinux
import Glibc
import LinuxSystem
import Netlink
import Processes
import SocketInspection
import SocketValues

/// A real MPTCP connection to a peer. It shows whether the peer speaks MPTCP, over how many paths,
/// and which other addresses the peer announced.
///
/// After the handshake, it sends only a line end: additional subflows may start only after data went
/// through (RFC 8684 section 3.1), and servers wait for a first line.
package struct PeerProbe: Sendable {
    private let target: HostPort

    /// How long paths are counted, after the connection is there.
    private static let watching = Duration.seconds(1)
    private static let connecting: Int32 = 10_000

    /// - Parameter target: "HOST:PORT", "[2001:db8::1]:443"; without a port, that of `check --serve`.
    /// - Throws: `Failure` of status usage.
    package init(_ target: String) throws(Failure) { self.target = try HostPort(target) }

    /// - Throws: `Failure` where the name is not known, or nobody answers.
    package func findings() throws(Failure) -> [Finding] {
        var last: Finding?
        for address in try target.addresses(AI_ADDRCONFIG) {
            let result = probe(address)
            if result.isConnected { return result.findings }
            last = result.findings.last ?? last
        }
        return last.map { [$0] } ?? []
    }

    private func probe(_ address: HostPort.Address) -> (isConnected: Bool, findings: [Finding]) {
        let subject = address.shown.text
        do throws(Errno) {
            let events = EventsOfPeer()
            let before = MPTCPCounters()
            let socket = try MPTCPTrial.socket(address.family, flags: Int32(SOCK_NONBLOCK.rawValue))
            try connect(socket.number, address)
            let seen = watch(socket.number, subject, events, before)
            guard Self.isGreeted(socket.number) else { return (true, seen) }
            // Both ends know more than one does.
            let known = TwoEndedProbe(address: address).findings()
            let isPlain = seen.contains { $0.level == .problem } && !known.isEmpty
            return (true, isPlain ? known : seen + known)
        } catch {
            let isRefusedHere = [ENOPROTOOPT, EPROTONOSUPPORT, EINVAL].contains(error.rawValue)
            return (
                false,
                [
                    Finding(
                        .problem, subject,
                        isRefusedHere
                            ? error.ofMultipathTCP(address.family == AF_INET6 ? .inet6 : .inet)
                            : "cannot be connected to: \(error.reason)",
                        next: isRefusedHere
                            ? "mptcpize check"
                            : "`ss -ltn` on that host shows what listens, and `ip route get` here"
                                + " the way to it")
                ]
            )
        }
    }

    private func connect(_ socket: Int32, _ address: HostPort.Address) throws(Errno) {
        let result = address.with { Glibc.connect(socket, $0, $1) }
        if result != 0, errno != EINPROGRESS { throw Errno.last }
        var poller = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        if try retrying({ poll(&poller, 1, Self.connecting) }) == 0 {
            throw Errno(rawValue: ETIMEDOUT)
        }
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length)
        if error != 0 { throw Errno(rawValue: error) }
    }

    // MARK: - What came of it

    private func watch(
        _ socket: Int32, _ subject: String, _ events: borrowing EventsOfPeer,
        _ before: MPTCPCounters
    ) -> [Finding] {
        let clock = ContinuousClock()
        let start = clock.now
        _ = "\r\n".withCString { send(socket, $0, 2, Int32(MSG_NOSIGNAL)) }
        var most = 0
        var token: UInt32 = 0
        var fellBack = false
        var ended = false
        while clock.now - start < Self.watching, !ended {
            if let info = MPTCPInfo(of: socket), !info.flags.contains(.fallback) {
                if info.flags.contains(.remoteKeyReceived) {
                    most = max(most, info.paths)
                    token = info.token
                }
            } else {
                fellBack = true
                break
            }
            usleep(10_000)
            // Its words are left unread; that it hung up ends the watch.
            var byte: UInt8 = 0
            ended = recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 0
        }
        if fellBack || most == 0 { return [plain(subject, before)] }
        let announced = events.announced(token: token)
        let paths = Self.paths(token)
        // Where the peer hung up, they may be gone. The kernel's own number has those that are
        // still trying to join.
        let count = paths.isEmpty || ended ? most : paths.count
        return [
            Finding(
                .ok, subject,
                "speaks MPTCP; \(count == 1 ? "1 path" : "\(count) paths") within a second")
        ] + paths.map { Self.finding(subject, $0) } + [announcement(subject, announced)]
    }

    /// Whether the server is a `check --serve`, which speaks first.
    private static func isGreeted(_ socket: Int32) -> Bool {
        let greeting = Array(CheckProtocol.greeting.utf8)
        var buffer = [UInt8](repeating: 0, count: greeting.count)
        for _ in 0..<50 {
            let count = recv(socket, &buffer, buffer.count, Int32(MSG_PEEK | MSG_DONTWAIT))
            if count == 0 || (count > 0 && !greeting.starts(with: buffer[..<count])) {
                return false
            }
            if count == greeting.count { return true }
            usleep(10_000)
        }
        return false
    }

    private func plain(_ subject: String, _ before: MPTCPCounters) -> Finding {
        let after = MPTCPCounters()
        func grew(_ name: String) -> Bool { after[name] > before[name] }
        if grew("MPCapableSYNTXDisabled") {
            return Finding(
                .problem, subject, "plain TCP: outgoing MPTCP is off on this host (blackhole)",
                next: "mptcpize check")
        }
        if grew("MPCapableSYNTXDrop") {
            return Finding(
                .problem, subject,
                "plain TCP: SYNs with the MPTCP option were dropped on the way, one without got"
                    + " through",
                next: "find the firewall that drops TCP option 30")
        }
        return Finding(
            .problem, subject,
            "plain TCP: the peer, or something on the way, does not speak MPTCP",
            next: "use `mptcpize run` or `enable` on the peer, if it is yours")
    }

    /// Each path, from the diagnosis of this very connection.
    private static func paths(_ token: UInt32) -> [DiagSocket] {
        guard let inventory = try? SocketInventory(over: NetlinkSocket(NETLINK_SOCK_DIAG)) else {
            return []
        }
        let listing = SocketListing(joining: inventory, owners: SocketOwners())
        let own = listing.sockets.first { $0.socket.mptcp?.token == token }
        return (own?.subflows ?? []).filter(\.isSynchronized)
    }

    private static func finding(_ subject: String, _ path: DiagSocket) -> Finding {
        let role = path.role
        let kind = role?.isBackup == true ? "backup" : role?.isJoined == true ? "joined" : "first"
        return Finding(.ok, subject, "path \(path.local.text) → \(path.remote.text), \(kind)")
    }

    private func announcement(_ subject: String, _ announced: [SocketAddress]?) -> Finding {
        guard let announced else {
            return Finding(
                .note, subject, "only root can see which addresses it announced",
                next: "try as root")
        }
        let list = announced.map(\.host).joined(separator: ", ")
        return Finding(
            .ok, subject, announced.isEmpty ? "announced no other address" : "announced \(list)")
    }
}

/// What a peer announces, where this user may listen to the kernel's events.
private struct EventsOfPeer: ~Copyable {
    private let events: PathEvents?

    init() { events = try? PathEvents() }

    /// Nil where that may not be known.
    func announced(token: UInt32) -> [SocketAddress]? {
        switch events {
        case .some(let events): events.announced(token: token)
        case nil: nil
        }
    }
}
