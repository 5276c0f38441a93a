import CLinux
import Glibc
import LinuxSystem
import Netlink
import SocketInspection
import SocketValues

/// `check --serve`: the far end of `check --probe`. It tells what arrived here of a connection.
///
/// It can be reached from a network. So its answers are never longer than what it was sent, except
/// the greeting, which only a completed handshake gets. Connections are limited in number (also for
/// each address), in time and in bytes. A client that knows a connection's name, which its maker
/// chose at random, may ask about it and end its subflows, and nothing else.
package struct CheckServer: ~Copyable {
    /// What to say at first.
    package let address: SocketAddress
    private let listener: Descriptor
    private var clients: [CheckClient] = []
    /// Checks that have ended.
    private var finished: [CheckReport] = []

    private static let mostClients = 64
    private static let mostOfAddress = 16

    /// - Parameter place: "ADDRESS:PORT"; nil for loopback and the usual port.
    /// - Throws: `Failure` where it makes no sense, or may not be listened on.
    package init(_ place: String?) throws(Failure) {
        let target = try HostPort(place ?? "127.0.0.1")
        guard let address = try target.addresses(AI_PASSIVE).first else {
            throw Failure(.failed, target.host, "has no address")
        }
        do throws(Errno) {
            listener = try Self.listen(address)
        } catch {
            let isMPTCP = [ENOPROTOOPT, EPROTONOSUPPORT].contains(error.rawValue)
            throw Failure(
                .failed, address.shown.text,
                isMPTCP
                    ? error.ofMultipathTCP(address.family == AF_INET6 ? .inet6 : .inet)
                    : "cannot be listened on: \(error.reasonInSentence)",
                remedy: isMPTCP ? "mptcpize check" : "`ss -ltn` shows what listens")
        }
        self.address = address.shown
    }

    private static func listen(_ address: HostPort.Address) throws(Errno) -> Descriptor {
        let made = try MPTCPTrial.socket(address.family, flags: Int32(SOCK_NONBLOCK.rawValue))
        let number = made.number
        var on: Int32 = 1
        setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        _ = try retrying { address.with { bind(number, $0, $1) } }
        _ = try retrying { Glibc.listen(number, 64) }
        return made
    }

    /// Serves until some checks are done; for ever without a number.
    ///
    /// - Parameter tell: is called with what was seen in each check.
    package mutating func serve(
        count: Int?, tell: (CheckReport) throws -> Void
    ) throws {
        var done = 0
        while count.map({ done < $0 }) ?? true {
            turn()
            for report in finished {
                try tell(report)
                done += 1
            }
            finished.removeAll()
        }
    }

    /// Waits for something to do, and does it.
    private mutating func turn() {
        // One that is full waits in the kernel's queue.
        let takesMore = clients.count < Self.mostClients
        var polled = [
            pollfd(fd: takesMore ? listener.number : -1, events: Int16(POLLIN), revents: 0)
        ]
        polled += clients.map {
            pollfd(fd: $0.number, events: $0.waitsFor, revents: 0)
        }
        guard poll(&polled, nfds_t(polled.count), 500) >= 0 else { return }
        for (place, client) in clients.enumerated() where polled[place + 1].revents != 0 {
            client.act(among: clients)
        }
        for client in clients where client.isOver {
            if let report = client.report { finished.append(report) }
        }
        clients.removeAll(where: \.isOver)
        if polled[0].revents != 0 { accept() }
    }

    private mutating func accept() {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let number = listener.number
        let accepted = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.accept(number, $0, &length)
            }
        }
        guard accepted >= 0 else { return }
        let descriptor = Descriptor(owning: accepted)
        _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
        _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
        let address = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { SocketAddress($0) }
        }
        guard let address,
            clients.count(where: { $0.peer.host == address.host }) < Self.mostOfAddress
        else { return }
        clients.append(CheckClient(descriptor, peer: address))
    }
}
