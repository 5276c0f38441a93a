import Foundation
import TestSupport
import Testing

/// What programs of a cgroup set on each new socket, as `ip vrf exec` does.
@Suite(
    "A cgroup's settings", .requires(.mptcp), .requires(.namespaces),
    .requires(.command("python3", "ss", "findmnt")))
struct CgroupSettingsTests {
    /// A namespace whose first default route leaves by eth0, and another one by eth1.
    private struct TwoWays {
        let near: Namespace
        private let far: Namespace

        init() throws {
            near = try Namespace("near")
            far = try Namespace("far")
            for (index, metric) in [("0", "100"), ("1", "200")] {
                let device = "eth\(index)"
                try Namespace.connect(
                    near, "10.4\(index).0.1/24", far, "10.4\(index).0.2/24", device: device)
                try near.ip("addr", "add", "fd4\(index)::1/64", "dev", device, "nodad")
                try near.ip(
                    "route", "add", "default", "via", "10.4\(index).0.2", "dev", device,
                    "metric", metric)
                try near.ip(
                    "-6", "route", "add", "default", "via", "fd4\(index)::2", "dev", device,
                    "metric", metric)
            }
        }

        func index(of device: String) throws -> String {
            let line = try near.ip("-o", "link", "show", "dev", device)
            return String(line.prefix { $0 != ":" })
        }

        /// What Tests/Fixtures/subflow_settings.py says, each line once.
        func connections(
            device: String? = nil, mark: String = "0", priority: String = "0",
            as user: [String] = []
        ) throws -> [String] {
            let settings = [try device.map(index(of:)) ?? "0", mark, priority]
            // Not by its name: other users may not come into the clone's folder.
            let script = try String(
                contentsOfFile: Repository.path("Tests/Fixtures/subflow_settings.py"),
                encoding: .utf8)
            let connect =
                user + ["env", "LD_PRELOAD=\(Products.library())", "python3", "-c", script]
            let outcome = try run(
                ["python3", Repository.path("Tests/Fixtures/cgroup_settings.py")] + settings
                    + connect, in: near)
            try #require(outcome.succeeded, "\(outcome)")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            try #require(lines.count == 4 && lines[0] == lines[1] && lines[2] == lines[3])
            return [lines[0], lines[2]]
        }
    }

    private let user = [
        "setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
    ]

    @Test("none: nothing is changed")
    func none() throws {
        #expect(
            try TwoWays().connections() == ["262 10.40.0.1 None 0", "262 [fd40::1] None 0"])
    }

    @Test("a device: sockets stay TCP, since later subflows would leave by another")
    func device() throws {
        let ways = try TwoWays()
        let expected = ["6 10.41.0.1%eth1 None 0", "6 [fd41::1]%eth1 None 0"]
        #expect(try ways.connections(device: "eth1") == expected)
        #expect(try ways.connections(device: "eth1", as: user) == expected)
    }

    @Test("mark and priority reach the subflow")
    func markAndPriority() throws {
        let ways = try TwoWays()
        #expect(
            try ways.connections(mark: "0x77", priority: "0x99") == [
                "262 10.40.0.1 0x77 0x99", "262 [fd40::1] 0x77 0x99",
            ])
        #expect(
            try ways.connections(mark: "-5") == [
                "262 10.40.0.1 0xfffffffb 0", "262 [fd40::1] 0xfffffffb 0",
            ])
        #expect(
            try ways.connections(priority: "5", as: user) == [
                "262 10.40.0.1 None 0x5", "262 [fd40::1] None 0x5",
            ])
    }

    @Test("a mark that the program may not set again: sockets stay TCP")
    func notPermitted() throws {
        // ss(8) shows marks to administrators only.
        #expect(
            try TwoWays().connections(mark: "0x77", as: user) == [
                "6 10.40.0.1 None 0", "6 [fd40::1] None 0",
            ])
    }
}
