import Testing

@testable import Processes

@Suite("Units of cgroups")
struct CgroupUnitTests {
    @Test(
        "the unit that systemd made a cgroup for",
        arguments: [
            ("/system.slice/nginx.service", "nginx.service"),
            ("/system.slice/nginx.service/worker", "nginx.service"),
            ("/system.slice", "system.slice"), ("/init.scope", "init.scope"),
            ("/user.slice/user-0.slice/session-1.scope", "session-1.scope"),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/a.service", "a.service"),
            ("/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope"),
            ("/system.slice/_cpu.service", "cpu.service"),
            // Systems in containers have units of the same names.
            (
                "/machine.slice/libpod-0a.scope/container/system.slice/nginx.service",
                "libpod-0a.scope"
            ),
            (
                "/machine.slice/systemd-nspawn@a.service/payload/system.slice/nginx.service",
                "systemd-nspawn@a.service"
            ),
        ])
    func name(_ path: String, _ unit: String) { #expect(CgroupUnit.name(ofPath: path) == unit) }

    @Test(
        "cgroups that are nobody's",
        arguments: ["/", "/docker/0a", "/lxc.payload.a/system.slice/nginx.service", ""])
    func nobody(_ path: String) { #expect(CgroupUnit.name(ofPath: path) == nil) }

    @Test("a unit has what lies below it, and no other unit of its name")
    func below() {
        let own = "/system.slice/nginx.service"
        let inner = "/machine.slice/a.scope/system.slice/nginx.service"
        #expect(CgroupUnit.path(own, isOf: "nginx.service"))
        #expect(CgroupUnit.path(own, isOf: "system.slice"))
        #expect(CgroupUnit.path(own, isOf: "-.slice"))
        #expect(!CgroupUnit.path(inner, isOf: "nginx.service"))
        #expect(!CgroupUnit.path(inner, isOf: "system.slice"))
        #expect(CgroupUnit.path(inner, isOf: "a.scope"))
    }
}
