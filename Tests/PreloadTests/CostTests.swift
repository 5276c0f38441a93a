import TestSupport
import Testing

/// What the library adds to a call, in instructions of the program's own: exact numbers, the
/// same on every run.
@Suite(
    "Where nothing is to be mended or recorded, the library costs", .serialized,
    .requires(.mptcp), .requires(.command("valgrind")))
struct CostTests {
    @Test(
        "at most ten instructions",
        arguments: [
            "TCP_NODELAY", "SO_KEEPALIVE", "TCP_KEEPIDLE", "SO_REUSEADDR", "SO_REUSEPORT",
            "connect", "accept", "accept4", "close",
        ])
    func ten(call: String) throws {
        #expect(try added(to: call) <= 10)
    }

    /// Its EINVAL on a connected socket is to be mended, so the arguments have to survive the
    /// kernel's call once the process has a connection.
    @Test("little more for SO_REUSEADDR beside a connection")
    func reuseAddress() throws {
        #expect(try added(to: "SO_REUSEADDR beside a connection") <= 80)
    }

    @Test("at most forty for a socket and its end")
    func socketAndClose() throws {
        #expect(try added(to: "socket and close") <= 40)
    }

    /// Instructions for each call, beyond what it takes without the library.
    private func added(to call: String) throws -> Int {
        let program = try Fixtures.program("bench_options")
        func instructions(_ times: Int, _ preload: [String]) throws -> Int {
            let counted = try run(
                ["env"] + preload + [
                    "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program,
                    call, "\(times)",
                ])
            let line = counted.errors.split(separator: "\n").first { $0.contains("Collected") }
            return try #require(line?.split(separator: " ").last.flatMap { Int($0) })
        }
        // What is learned in the first calls does not count.
        func tenThousand(_ preload: [String]) throws -> Int {
            try instructions(11_000, preload) - instructions(1000, preload)
        }
        let more = try tenThousand(["LD_PRELOAD=\(Products.library())"]) - tenThousand([])
        return (more + 5000) / 10_000
    }
}
