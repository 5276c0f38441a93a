import Testing

@testable import Diagnosis

@Suite("What check says of security modules")
struct SystemChecksTests {
    /// /sys/kernel/security/lsm and /sys/fs/selinux/enforce as distributions have them.
    static let machines: [(lsm: String, enforce: String?, names: String?)] = [
        ("lockdown,capability,landlock,yama,apparmor,tomoyo,bpf", nil, "apparmor, tomoyo"),
        ("lockdown,capability,yama,selinux,bpf,landlock,ipe,ima,evm", "1", "selinux (enforcing)"),
        ("lockdown,capability,yama,selinux,bpf,landlock", "0", "selinux"),
        ("capability,landlock,yama,bpf", nil, nil), ("", nil, nil),
    ]

    @Test("they are named where they may refuse sockets", arguments: machines)
    func named(lsm: String, enforce: String?, names: String?) {
        let finding = SystemChecks.security(modules: lsm, enforce: enforce)
        #expect((finding == nil) == (names == nil))
        if let names {
            #expect(finding?.level == .note)
            #expect(finding?.text.hasPrefix(names + ": a policy may refuse") == true)
        }
    }
}
