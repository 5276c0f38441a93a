import Testing

@testable import SystemdUnits

/// Which profile is a service's. What it allows is the kernel's answer: SystemdTests ask one.
@Suite("AppArmor's profiles")
struct AppArmorTests {
    private static let loaded = [
        "by-name (enforce)", "/usr/sbin/mysqld (complain)", "a (b) (kill)",
    ]

    @Test(
        "the one that AppArmorProfile= names, the program's, or the one that it runs with",
        arguments: [
            ("", "/usr/sbin/mysqld", "unconfined", "/usr/sbin/mysqld"),
            ("", "/usr/bin/other", "unconfined", nil),
            ("", "/usr/bin/other", "pattern (enforce)", "pattern"),
            ("by-name", "/usr/sbin/mysqld", "unconfined", "by-name"),
            ("-by-name", "/usr/bin/other", "pattern (enforce)", "by-name"),
            ("a (b)", "/usr/bin/other", "unconfined", "a (b)"),
            // Without it, systemd does not start the service, or leaves it to the kernel.
            ("missing", "/usr/sbin/mysqld", "unconfined", nil),
            ("-missing", "/usr/sbin/mysqld", "unconfined", "/usr/sbin/mysqld"),
        ])
    func profile(_ asked: String, _ program: String, _ running: String, _ name: String?) {
        let properties = UnitProperties(parsing: "AppArmorProfile=\(asked)")
        let found = AppArmor(profiles: Self.loaded.compactMap { AppArmor.Profile($0) })
            .profile(of: [program], properties, running: AppArmor.Profile(running))
        #expect(found?.name == name)
    }

    @Test("the mode is the last word")
    func mode() {
        #expect(AppArmor.Profile("a (b) (kill)")?.mode == "kill")
        #expect(AppArmor.Profile("unconfined") == nil)
    }
}
