import Glibc
import LinuxSystem

/// Which systemd is meant: the system's, or that of the current user.
package enum ManagerScope: Sendable, Equatable {
    case system
    case user
}

/// A systemd, spoken to through `systemctl`, and the directories it reads.
///
/// `systemctl show` and the exit statuses of the other verbs are a stable interface
/// (https://systemd.io/PORTABILITY_AND_STABILITY); no D-Bus library is needed.
package struct ServiceManager: Sendable {
    package let scope: ManagerScope
    /// Where settings that last belong: /etc/systemd/system, ~/.config/systemd/user.
    package let configuration: String
    /// Where settings that go with the next boot belong.
    package let runtime: String

    /// `configuration` of the system's.
    package static let systemConfiguration = "/etc/systemd/system"

    /// Whether the system's systemd runs here (sd_booted(3)).
    package static var isRunning: Bool { access("/run/systemd/system/", F_OK) == 0 }

    /// Finds the systemd that runs here.
    ///
    /// - Throws: `Failure` where there is none, and none for this user.
    package init(_ scope: ManagerScope) throws(Failure) {
        self.scope = scope
        switch scope {
        case .system:
            configuration = Self.systemConfiguration
            runtime = "/run/systemd/system"
            guard Self.isRunning else {
                throw Failure(
                    .failed, "systemd", "does not run here (there is no /run/systemd/system)",
                    remedy: "start the program with `mptcpize run PROGRAM`")
            }
        case .user:
            guard let runtimeHome = variable("XDG_RUNTIME_DIR") else {
                throw Failure(
                    .failed, "systemd --user", "cannot be reached: XDG_RUNTIME_DIR is not set",
                    remedy: "log in as the user whose unit it is, without sudo or su")
            }
            guard
                let home = variable("XDG_CONFIG_HOME") ?? variable("HOME").map({ $0 + "/.config" })
            else {
                throw Failure(
                    .failed, "HOME", "is not set", remedy: "set it to your home directory")
            }
            configuration = home + "/systemd/user"
            runtime = runtimeHome + "/systemd/user"
        }
    }

    init(scope: ManagerScope, configuration: String, runtime: String) {
        self.scope = scope
        self.configuration = configuration
        self.runtime = runtime
    }

    /// "--user", for commands that the user is told to type.
    package var option: String { scope == .user ? "--user " : "" }

    /// A verb of mptcpize or systemctl as it is to be typed for this scope.
    package func command(_ program: String, _ verb: String, _ unit: UnitName) -> String {
        "`\(program) \(verb) \(option)\(unit.typed)`"
    }

    /// The properties of a unit. A unit that does not exist has LoadState=not-found; a
    /// template answers as its instance "mptcpize" would.
    package func properties(of unit: UnitName) throws(Failure) -> UnitProperties {
        let shown = Self.shown(unit)
        if let known = known?.properties[shown] { return known }
        return UnitProperties(parsing: try systemctl(["show", "--", shown]))
    }

    private static func shown(_ unit: UnitName) -> String {
        (unit.instance("mptcpize") ?? unit).description
    }

    /// What systemd said at one moment.
    private struct Known: Sendable {
        let properties: [String: UnitProperties]
        let environment: [String: String]
    }

    private var known: Known?

    /// The same manager, which has asked about these units and the sockets and services of their
    /// names all at once, and goes by that: for who looks at many, and changes none.
    package func knowing(_ units: [UnitName]) throws(Failure) -> ServiceManager {
        let related = units.flatMap { unit in
            [unit] + ["service", "socket"].compactMap { unit.sibling($0) }
        }
        let names = Array(Set(related.map(Self.shown))).sorted()
        guard !names.isEmpty else { return self }
        let blocks = UnitProperties.blocks(try systemctl(["show", "--"] + names))
        guard blocks.count == names.count else { return self }
        var result = self
        result.known = Known(
            properties: Dictionary(uniqueKeysWithValues: zip(names, blocks)),
            environment: try environment())
        return result
    }

    /// The properties of every loaded instance of a template.
    package func instances(of template: UnitName) throws(Failure) -> [UnitProperties] {
        guard let pattern = template.instancePattern else { return [] }
        return UnitProperties.blocks(try systemctl(["show", "--", pattern]))
    }

    /// The names of services, sockets and slices: loaded ones, and those that have a file.
    package func units() throws(Failure) -> [String] {
        let loaded = try names(["list-units", "--all", "--type=service,socket,slice"])
        return Set(loaded + (try names(["list-unit-files", "--type=service,socket,slice"])))
            .sorted()
    }

    /// The names of the units that run, of all types that have processes.
    package func activeUnits() throws(Failure) -> [String] {
        try names(["list-units", "--state=active", "--type=service,scope,slice,socket"])
    }

    /// The first column of what systemctl lists.
    private func names(_ arguments: [String]) throws(Failure) -> [String] {
        try systemctl(arguments + ["--full", "--plain", "--no-legend"]).split(separator: "\n")
            .compactMap { $0.split(separator: " ").first.map(String.init) }
    }

    /// What the manager hands to every service before the unit's own settings.
    package func environment() throws(Failure) -> [String: String] {
        if let known { return known.environment }
        return UnitProperties(parsing: try systemctl(["show", "--property=Environment"]))
            .assignments("Environment")
    }

    /// The directories that systemd looks for unit files in.
    func unitPath() throws(Failure) -> [String] {
        UnitProperties(parsing: try systemctl(["show", "--property=UnitPath"])).words("UnitPath")
    }

    /// Has systemd read all unit files again.
    package func reload() throws(Failure) { _ = try systemctl(["daemon-reload"]) }

    /// Does what systemctl calls start, stop, restart or try-restart, and waits for its end.
    package func act(_ verb: String, _ unit: UnitName) throws(Failure) {
        _ = try systemctl([verb, "--", unit.description], about: unit.description)
    }

    /// Runs systemctl; its own first line is the reason when it fails.
    private func systemctl(
        _ arguments: [String], about object: String? = nil
    ) throws(Failure) -> String {
        var command = ["systemctl", "--no-pager", "--no-ask-password"]
        if scope == .user { command.append("--user") }
        let outcome: Subprocess.Outcome
        do {
            outcome = try Subprocess.run(
                command + arguments, settings: ["LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"])
        } catch {
            throw Failure(
                .failed, "systemctl", "cannot be run: \(error.reason)",
                remedy: "start the program with `mptcpize run PROGRAM`")
        }
        guard outcome.status == 0 else {
            let line = outcome.errors.split(separator: "\n").first.map(String.init)
            throw Failure(
                .failed, object ?? "systemctl \(arguments[0])",
                line ?? "failed with status \(outcome.status)",
                remedy: object.map { "`journalctl \(option)-u \($0)` shows more" } ?? "")
        }
        return outcome.output
    }
}

/// A variable of mptcpize's own environment; nil where it is empty.
private func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
}
