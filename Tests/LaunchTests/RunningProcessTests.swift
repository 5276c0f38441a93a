import Foundation
import TestSupport
import Testing

@testable import Launch

@Suite("Running processes")
struct RunningProcessTests {
    @Test("one that works is not settled, one that waits is; one that has ended is none")
    func settled() throws {
        let idle = try Background(["sleep", "1000"])
        #expect(poll(within: .seconds(60)) { RunningProcess(pid: idle.pid)?.isSettled == true })
        let process = try #require(RunningProcess(pid: idle.pid))
        #expect(process.program == "sleep" && process.reach == .none)

        let busy = try Background(["sh", "-c", "echo up; while :; do :; done"])
        try busy.waitUntilItPrints("up")
        // After a second of the processor's time it is taken for what it is.
        #expect(poll(within: .seconds(60)) { RunningProcess(pid: busy.pid)?.isSettled == true })
        #expect(RunningProcess(pid: busy.pid)?.isSettled == true)

        idle.signal(SIGKILL)
        // Before somebody waits for it, it is a zombie.
        #expect(poll(within: .seconds(60)) { RunningProcess(pid: idle.pid) == nil })
        #expect(RunningProcess.hasEnded(idle.pid))
        _ = idle.wait()
        #expect(RunningProcess(pid: idle.pid) == nil)
        #expect(RunningProcess.hasEnded(idle.pid))
        #expect(!RunningProcess.hasEnded(getpid()))
    }
}
