import TestSupport
import Testing

extension Requirement {
    fileprivate static let guests = Requirement("root and virtual machines") {
        Requirement.root.isMet() && Requirement.virtualMachines.isMet()
    }
}

/// Services that SELinux confines, with its policy in force: this machine's kernel lacks it.
@Suite("Services under SELinux", .requires(.guests))
struct SELinuxTests {
    @Test("a library with the label of libraries works, one in /opt as it was unpacked is refused")
    func confined() throws {
        let outcome = try ServiceGuest().run(
            """
            cp -a \(ServiceGuest.tree) /usr/local/; restorecon -R /usr/local
            # As a tarball leaves it, with the label of /opt itself.
            mkdir /opt/mptcpize; cp -r \(ServiceGuest.tree) /opt/mptcpize/; chcon -R -t usr_t /opt/mptcpize
            systemctl start nginx
            echo "domain: $(cat /proc/$(systemctl show -P MainPID nginx)/attr/current)"
            echo 1 >/sys/fs/selinux/enforce
            say() { "$@" 2>&1; echo "status: $?"; }
            say /usr/local/bin/mptcpize check nginx.service
            say /opt/mptcpize/bin/mptcpize check nginx.service
            say /opt/mptcpize/bin/mptcpize enable --now nginx
            systemctl stop nginx
            say /opt/mptcpize/bin/mptcpize enable nginx
            systemctl start nginx; ls /etc/systemd/system/nginx.service.d 2>&1
            say /usr/local/bin/mptcpize enable --now nginx
            ls -Z /etc/systemd/system/nginx.service.d
            matchpathcon /etc/systemd/system/nginx.service.d/50-mptcpize.conf
            python3 /t/talk.py 80 'GET / HTTP/1.0\\r\\n\\r\\n'
            say /usr/local/bin/mptcpize disable --now nginx
            # The remedy that was named.
            restorecon -R /opt/mptcpize/lib/x86_64-linux-gnu/mptcpize
            say /opt/mptcpize/bin/mptcpize enable --now nginx
            """, kernel: "6.12", kind: "selinux",
            parameters: "security=selinux selinux=1 enforcing=0")
        let text = outcome.output
        #expect(text.contains("domain: system_u:system_r:httpd_t:s0"), "\(outcome)")
        let refusal =
            "SELinux confines it (system_u:system_r:httpd_t:s0), and does not let it execute "
            + "/opt/mptcpize/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so, which is labelled "
        #expect(text.split(separator: "\n").count { $0.contains(refusal) } == 3, "\(outcome)")
        #expect(text.contains("`restorecon -R /opt/mptcpize/lib/x86_64-linux-gnu/mptcpize`"))
        #expect(text.contains("nginx.service.d': No such file"), "\(outcome)")
        let label = "system_u:object_r:systemd_unit_t:s0"
        #expect(text.contains("\(label) 50-mptcpize.conf"), "\(outcome)")
        #expect(text.contains("50-mptcpize.conf\t\(label)"), "\(outcome)")
        #expect(text.contains("HTTP/1.1 200 OK mptcp"), "\(outcome)")
        let claims = text.split(separator: "\n").filter { $0.contains("it uses MPTCP") }
        #expect(claims.count == 2, "\(outcome)")
    }
}
