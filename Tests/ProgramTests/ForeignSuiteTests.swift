import TestSupport
import Testing

@Suite("Foreign test suites", .serialized, .requires(.namespaces), .requires(.mptcp))
struct ForeignSuiteTests {
    /// Those of CPython's network tests that take little time; `make test-foreign` has all.
    @Test(
        "CPython's network tests pass as over TCP", .requires(.pythonTests),
        arguments: ["test_ftplib", "test_socketserver", "test_poplib"])
    func python(module: String) throws {
        let compare = Repository.path("Tests/Foreign/compare.py")
        // The distribution's, which its package of tests goes with.
        let outcome = try run(
            ["/usr/bin/python3", compare, Products.mptcpize, module], timeout: .seconds(300))
        #expect(outcome.succeeded, "\(outcome)")
        #expect(outcome.output.contains(" passed") && outcome.output.contains("spoke MPTCP"))
    }
}

extension Requirement {
    fileprivate static let pythonTests = Requirement("the tests of Debian's python3") {
        let found = try? run(["/usr/bin/python3", "-c", "import test.test_ftplib"])
        return found?.succeeded ?? false
    }
}
