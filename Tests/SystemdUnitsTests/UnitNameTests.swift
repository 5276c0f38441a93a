import LinuxSystem
import TestSupport
import Testing

@testable import SystemdUnits

@Suite("Unit names")
struct UnitNameTests {
    @Test(
        "what may be typed, and which unit it means",
        arguments: [
            ("nginx", "nginx.service"), ("nginx.service", "nginx.service"),
            ("ssh.socket", "ssh.socket"), ("foo@a.service", "foo@a.service"),
            ("foo@.service", "foo@.service"), ("a.b", "a.b.service"),
            (#"dev\x2dsda"#, #"dev\x2dsda.service"#), ("php8.2-fpm", "php8.2-fpm.service"),
        ])
    func typed(_ text: String, _ name: String) throws {
        #expect(try UnitName(typed: text).description == name)
    }

    @Test(
        "what is no unit name",
        arguments: [
            "", ".service", "@.service", "a b", "n*.service", "ä", "a/b", "a\nb.service", "-x;y",
            String(repeating: "a", count: 248) + ".service",
        ])
    func invalid(_ text: String) {
        #expect(throws: Failure.self) { try UnitName(typed: text) }
        #expect(UnitName(text) == nil)
    }

    @Test("templates and their instances")
    func templates() throws {
        let template = try #require(UnitName("foo@.service"))
        #expect(template.isTemplate)
        #expect(template.template == nil)
        #expect(template.instance("a")?.description == "foo@a.service")
        #expect(template.instancePattern == "foo@*.service")
        let instance = try #require(UnitName("foo@a.b.service"))
        #expect(!instance.isTemplate)
        #expect(instance.template == template)
        #expect(UnitName("foo.service")?.template == nil)
        #expect(UnitName(#"a\x2db@.service"#)?.instancePattern == #"a\\x2db@*.service"#)
    }

    @Test("a name in a command is what a shell makes the name of")
    func inCommands() throws {
        #expect(UnitName("nginx.service")?.typed == "nginx.service")
        let escaped = try #require(UnitName(#"a\x20b@c:d-e.service"#))
        let said = try mustRun(["sh", "-c", "printf %s \(escaped.typed)"])
        #expect(said == escaped.description)
    }

    @Test("a path means the unit of that file's name")
    func paths() throws {
        let argument = try UnitArgument("/lib/systemd/system/nginx.service")
        #expect(argument.name.description == "nginx.service")
        #expect(argument.file == "/lib/systemd/system/nginx.service")
        #expect(try UnitArgument("nginx").file == nil)
        #expect(throws: Failure.self) { try UnitArgument("/etc/passwd") }
        #expect(throws: Failure.self) { try UnitArgument("/lib/systemd/system/") }
    }
}
