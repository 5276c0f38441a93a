import BPFMode
import Diagnosis
import Glibc
import Launch
import LinuxSystem
import Netlink
import Processes
import SocketInspection

/// Everything that `mptcpize metrics` prints about this host. If one part fails, the others are still
/// printed, and the collector's own metric names the part.
package struct HostMetrics {
    private let locator: LibraryLocator
    private let version: String
    private var collectors = MetricFamily(
        "mptcpize_collector_success",
        help: "Whether a part of these metrics was collected completely.")

    /// - Parameter version: mptcpize's own.
    package init(locator: LibraryLocator, version: String) {
        self.locator = locator
        self.version = version
    }

    package mutating func collect() -> [MetricFamily] {
        let clock = ContinuousClock()
        let start = clock.now
        // Before anything that could ask for MPTCP.
        let counters = MPTCPCounters()
        var families = [Self.build(version)]
        let snapshot = sockets(&families)
        families += KernelMetrics.families(counters)
        families += collected("endpoints") { () throws(Failure) in
            do throws(Errno) {
                return try KernelMetrics.paths()
            } catch {
                throw Failure(.failed, "endpoints", error.reason)
            }
        }
        families += collected("units") { [locator] () throws(Failure) in
            try UnitMetrics(locator, sockets: snapshot).families
        }
        families += collected("bpf") { () throws(Failure) in
            BPFMetrics.families(try BPFListing.seen())
        }
        families += collected("policy", PolicyMetrics.families)
        families += CheckMetrics.families(HostChecks.findings(by: .looking))
        families.append(collectors)
        return families + Self.time(clock.now - start)
    }

    private mutating func collected(
        _ name: String, _ work: () throws(Failure) -> [MetricFamily]
    ) -> [MetricFamily] {
        do throws(Failure) {
            let families = try work()
            collectors.add(true, ("collector", name))
            return families
        } catch {
            collectors.add(false, ("collector", name))
            return []
        }
    }

    private mutating func sockets(_ families: inout [MetricFamily]) -> SocketSnapshot? {
        var snapshot: SocketSnapshot?
        families += collected("sockets") { () throws(Failure) in
            snapshot = try SocketSnapshot()
            guard let snapshot else {
                throw Failure(.failed, "socket diagnosis", "lists no MPTCP sockets")
            }
            return SocketMetrics(snapshot) {
                CgroupUnit.name(ofPath: SocketSelection.cgroupPath(of: $0))
            }.families
        }
        collectors.add(snapshot?.owners.isPartial == false, ("collector", "owners"))
        return snapshot
    }

    private static func build(_ version: String) -> MetricFamily {
        var family = MetricFamily("mptcpize_build_info", help: "The version of mptcpize.")
        family.add(true, ("version", version))
        return family
    }

    private static func time(_ duration: Duration) -> [MetricFamily] {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        var moment = MetricFamily(
            "mptcpize_collected_timestamp_seconds",
            help: "When the metrics were collected, since 1970.")
        moment.add(seconds: Double(now.tv_sec) + Double(now.tv_nsec / 1_000_000) / 1000)
        var took = MetricFamily(
            "mptcpize_collection_duration_seconds", help: "How long the collection took.")
        let (seconds, attoseconds) = duration.components
        took.add(seconds: Double(seconds) + Double(attoseconds / 1_000_000_000_000) / 1e6)
        return [moment, took]
    }
}
