import ConnectionPolicy
import Foundation
import LinuxSystem
import Reporting
import SocketEvents
import SocketRecords

/// A ledger with a world of its own around it.
final class Story {
    var ledger: SocketLedger
    var news: [SocketNews] = []
    private final class World { var dead: Set<Int32> = [] }
    private let world = World()
    /// What the kernel says at the end, by process and descriptor.
    var answers: [[Int32]: LiveAnswer] = [:]

    init(rules: [PolicyOrigin] = []) {
        ledger = SocketLedger(rules: PolicyOrigins(rules, sum: 0)) { [world] in
            !world.dead.contains($0)
        }
    }

    func dies(_ pid: Int32) { world.dead.insert(pid) }

    func happens(_ records: mptcpize_event..., byKernel: Bool = false) {
        for record in records {
            if let event = SocketEvent(record, byKernel: byKernel), let news = ledger.feed(event) {
                self.news.append(news)
            }
        }
    }

    /// The sockets at the end of the program, whose process is 100.
    func ends(_ end: ProgramEnd = .exited(0)) -> [ReportedSocket] {
        ledger.finish(main: (100, end)) { [answers] pid, fd, _ in answers[[pid, fd]] ?? .gone }
    }
}
