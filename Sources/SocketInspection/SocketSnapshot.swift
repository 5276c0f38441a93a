import LinuxSystem
import Processes

/// All sockets of one network namespace at one moment, MPTCP and TCP, found by their processes.
package struct SocketSnapshot: Sendable {
    package let listing: SocketListing
    /// Which processes have which sockets.
    package let owners: SocketOwners
    /// Ports with MPTCP listeners, and those with listeners of whatever kind: an MPTCP listener's
    /// first subflow is a TCP listener.
    package let mptcpPorts: Set<UInt16>
    package let ports: Set<UInt16>
    /// Places in `listing`, by process.
    private let places: [Int32: [Int32]]

    /// Of the calling thread's namespace.
    ///
    /// - Parameter pids: the processes that are looked at; nil for all.
    /// - Returns: nil where the kernel does not list MPTCP sockets.
    /// - Throws: `Failure` where it lists none at all.
    package init?(of pids: Set<Int32>? = nil) throws(Failure) {
        let owners = SocketOwners { pids?.contains($0) ?? true }
        let inventory = try SocketQuery.inventory()
        if inventory.mptcpRefusal != nil { return nil }
        mptcpPorts = Set(inventory.mptcp.filter { $0.state == .listen }.map(\.local.port))
        ports = Set(inventory.tcp.filter { $0.state == .listen }.map(\.local.port))
            .union(mptcpPorts)
        listing = SocketListing(
            joining: inventory, owners: owners, where: { pids == nil || !$0.isEmpty },
            underUs: { _ in true })
        self.owners = owners
        var places: [Int32: [Int32]] = [:]
        for (place, socket) in listing.sockets.enumerated() {
            for owner in socket.owners { places[owner.pid, default: []].append(Int32(place)) }
        }
        self.places = places
    }

    /// The sockets that a process has open.
    package func sockets(of pid: Int32) -> some Sequence<ListedSocket> {
        (places[pid] ?? []).lazy.map { listing.sockets[Int($0)] }
    }
}
