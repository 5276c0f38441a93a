/// Everything that `mptcpize check` examines without arguments.
package enum HostChecks {
    /// How it is found out.
    package enum Means: Sendable {
        /// By trying: connections over loopback, a BPF program that is loaded and let go again.
        case trying
        /// By what leaves no trace, in counters, logs or the kernel, takes no lock and little
        /// time: what only a trial tells is left out.
        case looking
    }

    /// For this network namespace, as far as this user may look.
    package static func findings(by means: Means = .trying) -> [Finding] {
        var findings = KernelChecks.findings(by: means) + SettingChecks.findings()
        findings += PathChecks(by: means).findings()
        if means == .trying { findings += FirewallChecks.findings() }
        findings += [ReceiveBufferCheck.finding(by: means)].compactMap { $0 }
        return findings + SystemChecks.findings(by: means)
    }
}
