import LinuxSystem

/// The settings below net.mptcp that harm connections if they differ from the kernel's defaults
/// (Documentation/networking/mptcp-sysctl.rst).
enum SettingChecks {
    /// Those of this network namespace.
    static func findings() -> [Finding] { findings { Sysctl.value($0) } }

    /// - Parameter value: of a sysctl by its name; nil where this kernel has none of that name.
    static func findings(_ value: (String) -> String?) -> [Finding] {
        let seen = switches.contains { value("net.mptcp.\($0.name)") != nil }
        guard seen else { return [] }
        let odd = switches.compactMap { $0.finding(value) }
        guard odd.isEmpty else { return odd }
        return [Finding(.ok, "net.mptcp", "its settings are the kernel's defaults, or harmless")]
    }

    private struct Switch: Sendable {
        let name: String
        /// What the kernel begins with.
        let usual: Int64
        /// What a value does, by itself or with other sysctls; nil where it does no harm.
        let effect: @Sendable (Int64, (String) -> String?) -> (Finding.Level, String)?

        func finding(_ value: (String) -> String?) -> Finding? {
            let name = "net.mptcp.\(name)"
            guard let text = value(name), let number = Int64(text),
                let (level, words) = effect(number, value)
            else { return nil }
            return Finding(level, name, "\(text): \(words)", next: "sysctl -w \(name)=\(usual)")
        }
    }

    private static let switches: [Switch] = [
        Switch(name: "syn_retrans_before_tcp_fallback", usual: 2) { number, value in
            // 128 and more: never (mptcp_active_detect_blackhole, Linux 6.14).
            let last = value("net.ipv4.tcp_syn_retries").flatMap { Int64($0) } ?? 6
            if number >= min(last, 128) {
                return (
                    .problem,
                    "no connection falls back to TCP where SYNs with MPTCP are dropped on the way:"
                        + " it fails after \(last) retransmissions (net.ipv4.tcp_syn_retries)"
                )
            }
            if number == 0 {
                return (
                    .note,
                    "one lost SYN makes a connection TCP, and counts as a sign of a blackhole"
                )
            }
            return nil
        },
        Switch(name: "blackhole_timeout", usual: 3600) { number, _ in
            number == 0
                ? (
                    .note,
                    "blackholes are not detected: where SYNs with MPTCP are dropped on the way, each"
                        + " connection waits some seconds before it is TCP"
                ) : nil
        },
        Switch(name: "close_timeout", usual: 60) { number, _ in
            if number == 0 {
                return (
                    .note,
                    "a connection whose last path is gone ends at once, and waits for no other path"
                )
            }
            return number > 3600
                ? (.note, "connections whose last path is gone are kept for \(number) s") : nil
        },
        Switch(name: "stale_loss_cnt", usual: 4) { number, _ in
            if number == 0 {
                return (
                    .note,
                    "a path counts as dead only when TCP gives it up: its data waits, up to a"
                        + " quarter of an hour"
                )
            }
            return number > 15
                ? (
                    .note,
                    "a dead path stays in use for \(number) retransmission time-outs, and data waits"
                        + " for them"
                ) : nil
        },
        Switch(name: "add_addr_timeout", usual: 120) { number, _ in
            number == 0
                ? (.note, "an announced address that is lost on the way is not announced again")
                : nil
        },
        Switch(name: "checksum_enabled", usual: 0) { number, _ in
            number == 1
                ? (
                    .note,
                    "all data of connections from and to here is summed up by the processor, to"
                        + " find middleboxes that change it; without such, it only costs"
                ) : nil
        },
    ]
}
