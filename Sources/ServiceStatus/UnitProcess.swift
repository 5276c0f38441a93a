import Launch

/// One process of a unit: whether it was reached, why not, and what its sockets are.
package struct UnitProcess: Sendable, Equatable {
    package var process: RunningProcess
    /// Why it was not reached; nil for one that was, or of which that is not known.
    package var cause: UnreachedCause?
    /// Nil where they cannot be told.
    package var sockets: UnitSockets?

    package init(
        _ process: RunningProcess, cause: UnreachedCause? = nil, sockets: UnitSockets? = nil
    ) {
        self.process = process
        self.cause = cause
        self.sockets = sockets
    }

    package var pid: Int32 { process.pid }
    package var program: String { process.program }
    package var reach: RunningProcess.Reach { process.reach }

    /// "squid (1443)".
    package var title: String { "\(program) (\(pid))" }

    /// Whether its new sockets become MPTCP.
    package var isReached: Bool { ![.none, .unknown].contains(reach) }
}
