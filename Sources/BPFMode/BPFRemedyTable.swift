import BPFProgs
import Glibc
import KernelProbe
import LinuxSystem
import SocketPolicy

/// What the programs do about each option: SocketPolicy's table, combined with this kernel's
/// answers.
///
/// Only options that this kernel refuses are ignored. The kernel cannot replace a socket by plain
/// TCP. So options for which the preload library does that are treated as the library treats them
/// on a connected socket, except those that have an effect only before connect.
enum BPFRemedyTable {
    typealias Entry = (option: UInt32, remedy: mptcpize_bpf_remedy)

    /// Asks the kernel about every option, each on sockets of its own.
    static func probe() throws(Errno) -> [Entry] {
        let rows = try MPTCPFamilies.whereMPTCPIsOn { OptionTable.probe() }
        var count = 0
        let table = mptcpize_option_table(&count)!
        var entries: [Entry] = []
        for (index, row) in rows.enumerated() {
            let line = table[index]
            let option = mptcpize_bpf_option(line.level, line.number)
            guard option < MPTCPIZE_BPF_OPTIONS, row.answer != .unknownToTCP else { continue }
            entries.append((option, remedy(of: line, isRefused: row.answer.isRefusal)))
        }
        return entries
    }

    /// What is done about an option that the kernel refuses, or takes.
    static func remedy(of line: mptcpize_option, isRefused: Bool) -> mptcpize_bpf_remedy {
        let fresh = action(for: line, isRefused: isRefused)
        // These have no effect on TCP once it is connected; MPTCP refuses them then.
        let isPast = line.early || line.connected && line.remedy == MPTCPIZE_IGNORE
        let connected =
            isPast
            ? MPTCPIZE_BPF_IGNORE : line.hint == MPTCPIZE_HINT_PRESENT ? MPTCPIZE_BPF_HINT : fresh
        let gets = [MPTCPIZE_GET_INT, MPTCPIZE_GET_BOOL, MPTCPIZE_GET_INITIAL]
        return mptcpize_bpf_remedy(
            fresh: UInt8(fresh.rawValue), listening: UInt8(fresh.rawValue),
            connected: UInt8(connected.rawValue), hint: line.hint,
            is_bytes: line.is_bytes ? 1 : 0, is_bool: line.get == MPTCPIZE_GET_BOOL ? 1 : 0,
            can_get: gets.contains { line.get == $0 } ? 1 : 0,
            forgets: line.get == MPTCPIZE_GET_INITIAL ? 1 : 0,
            low: line.low, high: line.high, initial: line.initial)
    }

    private static func action(
        for line: mptcpize_option, isRefused: Bool
    ) -> mptcpize_bpf_action {
        let isAdjusted = line.remedy == MPTCPIZE_ADJUST && !line.is_bytes
        if isAdjusted, line.level == SOL_SOCKET { return MPTCPIZE_BPF_RCVBUF }
        if isAdjusted, !isRefused { return MPTCPIZE_BPF_CORK }
        guard isRefused else { return MPTCPIZE_BPF_KERNEL }
        if line.remedy == MPTCPIZE_IGNORE { return MPTCPIZE_BPF_IGNORE }
        let isHarmless = line.remedy == MPTCPIZE_DEMOTE && line.otherwise == MPTCPIZE_IGNORE
        if isHarmless, !line.early { return MPTCPIZE_BPF_IGNORE }
        return line.hint == MPTCPIZE_HINT_NEVER ? MPTCPIZE_BPF_KERNEL : MPTCPIZE_BPF_HINT
    }
}

extension OptionTable.Answer {
    fileprivate var isRefusal: Bool {
        if case .refused = self { true } else { false }
    }
}

private func == (number: UInt8, remedy: mptcpize_remedy) -> Bool {
    UInt32(number) == remedy.rawValue
}

private func == (number: UInt8, hint: mptcpize_hint) -> Bool { UInt32(number) == hint.rawValue }

private func == (number: UInt8, get: mptcpize_get) -> Bool { UInt32(number) == get.rawValue }
