import Foundation
import TestSupport
import Testing

extension Requirement {
    /// Containers as Docker makes them by default, as scripts/lab/container starts them.
    static let containers = Requirement("root, runc and the packaged seccomp profile") {
        geteuid() == 0
            && (try? run([Repository.path("scripts/lab/container"), "/", "true"]))?.succeeded
                ?? false
    }
}

/// A machine as most are met: a container's root, who may make no namespaces and no mounts, or an
/// ordinary user there, with MPTCP and without. The clone is copied into it as it was built.
@Suite("In a container with Docker's defaults", .serialized, .requires(.containers))
struct ContainerTests {
    enum User: String, CaseIterable { case root, ordinary }

    enum MPTCP: String, CaseIterable {
        case on, off
        /// As on a kernel that does not know the protocol.
        case refused
    }

    @Test(
        "make demo does what it may and says what it left out",
        arguments: User.allCases, MPTCP.allCases)
    func demo(user: User, mptcp: MPTCP) throws {
        let outcome = try container(user, mptcp, ["make", "demo"])
        #expect(outcome.succeeded, "\(outcome)")
        let text = outcome.output
        // No number of paths if all of them were closed before the socket was.
        let results = text.matches(of: #/(mptcp|tcp) +([0-9]+|-) +[0-9.]+ [kMG]?B/#).map(\.1)
        #expect(results.count == 3, "\(outcome)")
        if mptcp == .on {
            #expect(results.allSatisfy { $0 == "mptcp" }, "\(outcome)")
            #expect(text.contains("Left out: two links and a cut cable: "), "\(outcome)")
        } else {
            #expect(results.allSatisfy { $0 == "tcp" }, "\(outcome)")
            #expect(text.contains("Left out: MPTCP, two links and a cut cable: "), "\(outcome)")
            let reason =
                mptcp == .off
                ? "MPTCP is off here (net.mptcp.enabled=0)" : "kernel is too old for MPTCP"
            #expect(text.contains("No MPTCP here: ") && text.contains(reason), "\(outcome)")
        }
        #expect(text.contains("make demo-vm   shows the whole"))
    }

    @Test("an ordinary user who may make user namespaces sees two hosts and a cut cable")
    func userNamespaces() throws {
        let outcome = try container(.ordinary, .on, ["make", "demo"], options: ["--namespaces"])
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.contains("3. The first cable is cut"), "\(outcome)")
        #expect(outcome.output.contains(#/mptcp +3 /#), "\(outcome)")
        #expect(!outcome.output.contains("Left out"), "\(outcome)")
    }

    /// A system that has nothing but what scripts/bootstrap has installed. All is compiled there; not
    /// optimised, which takes most of the time and asks nothing of the system.
    @Test("make demo does as much on another release of Debian", .requires(.command("mmdebstrap")))
    func anotherRelease() throws {
        let outcome = try container(
            .ordinary, .on, ["make", "demo"], root: Lab.root("trixie", kind: "demo"),
            options: ["--variable", "MPTCPIZE_SWIFT_OPTIONS=-Xswiftc -Onone"])
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.matches(of: #/mptcp +([0-9]+|-) +[0-9.]+ [kMG]?B/#).count == 3)
    }
}

/// A suite of its own, to run beside the other: it takes longest of all.
@Suite("The tests in a container with Docker's defaults", .serialized, .requires(.containers))
struct TestsInContainerTests {
    /// What cannot be tried here, in a container of root and in one of a user. The tests are those
    /// that were built for this run.
    @Test(
        "the quick tiers pass, and name what they skipped",
        arguments: [(ContainerTests.User.root, ContainerTests.MPTCP.on), (.ordinary, .refused)])
    func quickTiers(user: ContainerTests.User, mptcp: ContainerTests.MPTCP) throws {
        let outcome = try container(
            user, mptcp, ["scripts/test", "--streams", "1", "quick"],
            options: ["--variable", "MPTCPIZE_SEQUENCES=10000"])
        // The summary of the run inside comes last; a report that is cut short keeps what is first,
        // which would be the whole outcome if the condition were written with it.
        let output = outcome.output
        let succeeded = outcome.succeeded
        let summary = output.range(of: "What failed:").map { output[$0.lowerBound...] }
        #expect(succeeded, "\(summary ?? output.suffix(4000)) \(outcome.errors)")
        #expect(output.contains("network namespaces (CAP_SYS_ADMIN"), "\(outcome)")
    }
}

/// Runs a command in a container that has a copy of the clone, and the toolchain.
private func container(
    _ user: ContainerTests.User, _ mptcp: ContainerTests.MPTCP, _ command: [String],
    root: String = "/", options: [String] = []
) throws -> Outcome {
    let toolchain = try mustRun(
        ["bash", "-c", #". "$0"; toolchain"#, Repository.path("scripts/common.sh")],
        environment: ["PATH": Environment.inherited["PATH"]]
    ).trimmingCharacters(in: .newlines)
    let prefix = URL(fileURLWithPath: toolchain).deletingLastPathComponent()
        .deletingLastPathComponent().path
    return try run(
        [
            Repository.path("scripts/lab/container"), "--tree", Repository.root,
            "--read-only", prefix, "--mptcp", mptcp.rawValue,
        ] + (user == .ordinary ? ["--user"] : []) + options + [root] + command,
        environment: ["PATH": Environment.inherited["PATH"]], timeout: .seconds(900))
}
