/// Everything `mptcpize check` looks at without being given a program.
package enum HostChecks {
    /// For this network namespace, as far as this user may look.
    package static func findings() -> [Finding] {
        KernelChecks.findings() + PathChecks().findings() + SystemChecks.findings()
    }
}
