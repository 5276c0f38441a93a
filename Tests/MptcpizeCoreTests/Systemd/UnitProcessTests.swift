import Foundation
import TestSupport
import Testing

@testable import MptcpizeCore

@Suite("Processes of a unit")
struct UnitProcessTests {
    @Test("one that works is not settled, one that waits is; one that has ended is none")
    func settled() throws {
        let idle = try Background(["sleep", "1000"])
        #expect(poll(within: .seconds(60)) { UnitProcess(pid: idle.pid)?.isSettled == true })
        let process = try #require(UnitProcess(pid: idle.pid))
        #expect(process.program == "sleep" && process.reach == .none)

        let busy = try Background(["sh", "-c", "echo up; while :; do :; done"])
        try busy.waitUntilItPrints("up")
        // After a second of the processor's time it is taken for what it is.
        #expect(poll(within: .seconds(60)) { UnitProcess(pid: busy.pid)?.isSettled == true })
        #expect(UnitProcess(pid: busy.pid)?.isSettled == true)

        idle.signal(SIGKILL)
        // Before somebody waits for it, it is a zombie.
        #expect(poll(within: .seconds(60)) { UnitProcess(pid: idle.pid) == nil })
        #expect(UnitProcess.hasEnded(idle.pid))
        _ = idle.wait()
        #expect(UnitProcess(pid: idle.pid) == nil)
        #expect(UnitProcess.hasEnded(idle.pid))
        #expect(!UnitProcess.hasEnded(getpid()))
    }
}
