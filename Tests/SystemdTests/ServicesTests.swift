import TestSupport
import Testing

/// Services as they are packaged, and services with every oddity of environment and
/// sandbox: MPTCP on the wire after `enable --now`, and no trace after `disable --now`.
@Suite("Services", .requires(.systemdMachines))
struct ServicesTests {
    @Test(
        "packaged ones: over MPTCP after enable, as before after disable",
        arguments: ServiceMachine.System.allCases)
    func packaged(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        for sample in ServiceSample.packaged { try enableAndDisable(sample, on: machine) }
    }

    @Test(
        "with variables of their own: merged, and as before after disable",
        arguments: ServiceMachine.System.allCases)
    func environments(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        for sample in ServiceSample.environments { try enableAndDisable(sample, on: machine) }
    }

    @Test(
        "in a sandbox: let in, and as before after disable",
        arguments: ServiceMachine.System.allCases)
    func sandboxes(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        for sample in ServiceSample.sandboxes { try enableAndDisable(sample, on: machine) }
    }

    private func enableAndDisable(
        _ sample: ServiceSample, on machine: borrowing ServiceMachine
    ) throws {
        let unit = sample.unit
        let note = Comment(rawValue: unit)
        for (path, text) in sample.files { try machine.write(text, to: path) }
        if !sample.preparation.isEmpty { try machine.must(sample.preparation) }
        if sample.hidesEnvironment { try machine.recordEnvironment(of: unit) }
        try machine.must("systemctl daemon-reload; systemctl start \(unit)")
        // Once it answers, it is no longer systemd's child before its exec.
        let before = try machine.talk(to: sample.port, saying: sample.request)
        #expect(before.answer.contains(sample.answer), note)
        #expect(!before.isMPTCP, note)
        let properties = try machine.properties(of: unit)
        let environment = try machine.environment(of: unit)
        let places = "/etc/systemd /run/systemd/system /srv"
        let files = try machine.unitFiles(below: places)

        let place = sample.library.isEmpty ? "" : "MPTCPIZE_LIBRARY=\(sample.library) "
        let enabled = try machine.run("\(place)mptcpize enable --now \(unit)")
        #expect(enabled.succeeded, "\(unit): \(enabled)")
        #expect(enabled.output.hasPrefix("\(unit): enabled ("), note)
        #expect(enabled.errors == "", note)
        let during = try machine.talk(to: sample.port, saying: sample.request)
        #expect(during.answer.contains(sample.answer), note)
        #expect(during.isMPTCP, note)
        var changed = try machine.environment(of: unit)
        let preload = changed.removeValue(forKey: "LD_PRELOAD") ?? ""
        let goDebug = changed.removeValue(forKey: "GODEBUG") ?? ""
        let kept = sample.preloaded.isEmpty ? "/" : sample.preloaded + ":/"
        #expect(preload.hasPrefix(kept) && preload.hasSuffix("/libmptcpize.so"), note)
        #expect(goDebug.hasSuffix("multipathtcp=1"), note)
        var expected = environment
        for name in ["LD_PRELOAD", "GODEBUG"] { expected[name] = nil }
        #expect(changed == expected, note)
        let status = try machine.status(of: unit, settings: place)
        #expect(status.enabled && status.configuration == "current" && !status.needsRestart, note)
        #expect(status.reaches == ["preload"], note)
        let listening = status.processes.map(\.sockets.listening)
        #expect(listening.contains { $0.mptcp > 0 }, note)
        #expect(listening.allSatisfy { $0.tcp == 0 }, note)

        let disabled = try machine.mptcpize("disable", "--now", unit)
        #expect(disabled.succeeded, "\(unit): \(disabled)")
        let after = try machine.talk(to: sample.port, saying: sample.request)
        #expect(after.answer.contains(sample.answer), note)
        #expect(!after.isMPTCP, note)
        #expect(try machine.unitFiles(below: places) == files, note)
        #expect(try machine.properties(of: unit) == properties, note)
        #expect(try machine.environment(of: unit) == environment, note)
        let last = try machine.status(of: unit)
        #expect(last.reaches == ["none"] && !last.enabled, note)
        #expect(last.processes.allSatisfy { $0.sockets.listening.mptcp == 0 }, note)
        #expect(last.processes.contains { $0.sockets.listening.tcp > 0 }, note)
        try machine.must("systemctl stop \(unit); systemctl unset-environment LD_PRELOAD MANAGED")
    }

    @Test("a template and its instances", arguments: ServiceMachine.System.allCases)
    func template(_ system: ServiceMachine.System) throws {
        let machine = try ServiceMachine(system)
        func isMPTCP(_ port: Int) throws -> Bool {
            try machine.talk(to: port, saying: "GET / HTTP/1.0\r\n\r\n").isMPTCP
        }
        let python = "/usr/bin/python3 -u -m http.server --bind 127.0.0.1"
        try machine.add(["t@.service": "[Service]\nExecStart=\(python) 80%i\n"])
        try machine.must("systemctl start t@81.service t@82.service")
        let files = try machine.unitFiles()
        #expect(try machine.mptcpize("enable", "--now", "t@.service").succeeded)
        #expect(try [8081, 8082].map(isMPTCP) == [true, true])
        #expect(try machine.status(of: "t@.service").processes.count == 2)
        // A new instance needs nothing more.
        try machine.must("systemctl start t@83.service")
        #expect(try isMPTCP(8083))
        #expect(try machine.mptcpize("disable", "--now", "t@.service").succeeded)
        #expect(try [8081, 8082].map(isMPTCP) == [false, false])
        #expect(try machine.unitFiles() == files)

        #expect(try machine.mptcpize("enable", "--now", "t@81.service").succeeded)
        #expect(try [8081, 8082].map(isMPTCP) == [true, false])
        #expect(try machine.mptcpize("disable", "t@81.service").succeeded)
        #expect(try machine.unitFiles() == files)
    }
}
