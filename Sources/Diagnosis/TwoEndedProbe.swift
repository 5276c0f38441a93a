import CLinux
import Glibc
import LinuxSystem
import Netlink
import SocketInspection
import SocketValues

/// What each path to a `check --serve` carries. Both ends tell what they saw, and paths are cut until
/// one is left.
struct TwoEndedProbe {
    let address: HostPort.Address

    private static let mostPaths = 8
    /// Fills packets of every size that links have, several times.
    private static let much = 32 << 10
    private static let patience = Duration.seconds(3)

    private var subject: String { address.shown.text }

    private func finding(_ level: Finding.Level, _ text: String, next: String = "") -> Finding {
        Finding(level, subject, text, next: next)
    }

    func findings() -> [Finding] {
        do throws(Errno) {
            let control = try CheckConnection.to(address, isMPTCP: false)
            try control.say("control")
            let before = MPTCPCounters()
            let data = try CheckConnection.to(address, isMPTCP: true)
            let name = CheckProtocol.newName()
            try data.say("data \(name)")
            _ = data.exchange(1, within: Self.patience)
            let wire = CheckProtocol.wire(of: data.number)
            let answer = try control.saw(name)
            guard wire == .mptcp, answer.wire == Wire.mptcp.rawValue else {
                return fellBack(answer, before)
            }
            let paths = settled(data)
            let lost = joins(try control.saw(name), before)
            let both = finding(.ok, "both ends see MPTCP: the option gets through both ways")
            var findings = [both] + lost
            for path in paths.prefix(Self.mostPaths) {
                findings.append(try alone(path, among: paths.count, control))
            }
            if paths.isEmpty {
                findings.append(
                    finding(
                        .note, "paths not examined: the kernel lists them only to root",
                        next: "try as root"))
            }
            return findings
        } catch {
            return [
                finding(.note, "the two ends could not be compared: \(error.reasonInSentence)")
            ]
        }
    }

    // MARK: - Options

    /// - Parameter there: what the other end saw.
    private func fellBack(_ there: CheckConnection.Answer, _ before: MPTCPCounters) -> [Finding] {
        let after = MPTCPCounters()
        func grew(_ name: String) -> Bool { after[name] > before[name] }
        // This host did not ask: what kept it was told before.
        if grew("MPCapableSYNTXDisabled") { return [] }
        let text: String
        if there.capable == 0 {
            text =
                grew("MPCapableSYNTXDrop")
                ? "SYNs with MP_CAPABLE are dropped on the way to the peer"
                : "the SYN left here with MP_CAPABLE, and arrived without: the option is stripped on"
                    + " the way to the peer"
        } else if grew("MPCapableFallbackSYNACK") {
            text =
                "the SYN arrived with MP_CAPABLE, and its answer came here without: the option is"
                + " stripped on the way from the peer"
        } else {
            text =
                "SYN and answer had MP_CAPABLE, and later packets lost it: the option is stripped on"
                + " the way \(there.fallbacks > 0 ? "to" : "from") the peer, from what is no SYN"
        }
        return [finding(.problem, text, next: Self.strips)]
    }

    private static let strips =
        "find what strips or drops TCP option 30 in that direction; `mptcpize check` on both ends"
        + " tells of rules there"

    /// Which packets of the handshakes of further paths (MP_JOIN) got through.
    private func joins(
        _ there: CheckConnection.Answer, _ before: MPTCPCounters
    ) -> [Finding] {
        let after = MPTCPCounters()
        func sent(_ name: String) -> UInt64 { after[name] - before[name] }
        let (arrived, ended) = (there.joins, there.joinsEnded)
        let (asked, answered) = (sent("MPJoinSynTx"), sent("MPJoinSynAckRx"))
        let next = Self.strips
        if asked > arrived {
            return [
                finding(
                    .problem,
                    "SYNs with MP_JOIN: \(asked) sent, \(arrived) arrived: they are dropped, or their option"
                        + " is stripped, on the way to the peer", next: next)
            ]
        }
        if arrived > answered, asked > answered {
            return [
                finding(
                    .problem,
                    "SYNs with MP_JOIN: \(asked) sent, \(arrived) arrived, \(answered) answers came back with"
                        + " it: dropped or stripped on the way from the peer, or refused by it",
                    next: next)
            ]
        }
        if answered > ended {
            return [
                finding(
                    .problem,
                    "answers with MP_JOIN: \(answered) came, \(ended) joins were ended: the third packet of the"
                        + " handshake is lost or stripped on the way to the peer", next: next)
            ]
        }
        return []
    }

    // MARK: - Paths

    /// The paths of a connection, once no more come.
    private func settled(_ data: borrowing CheckConnection) -> [DiagSocket] {
        var paths: [DiagSocket] = []
        for _ in 0..<5 {
            usleep(200_000)
            paths = CheckProtocol.subflows(of: data.number)
        }
        return paths
    }

    /// Whether data flows on a path when all others are cut.
    private func alone(
        _ path: DiagSocket, among count: Int, _ control: borrowing CheckConnection
    ) throws(Errno) -> Finding {
        let shown = "path \(path.local.host) → \(path.remote.host)"
        guard let ids = path.subflow else {
            return finding(.note, "\(shown): not examined, because its number is not known")
        }
        let data = try CheckConnection.to(address, isMPTCP: true)
        let name = CheckProtocol.newName()
        try data.say("data \(name)")
        _ = data.exchange(1, within: Self.patience)
        let isThere = wait {
            CheckProtocol.subflows(of: data.number).contains {
                $0.isBetween(ids.localID, ids.remoteID)
            }
        }
        guard isThere else {
            return finding(
                .problem, "\(shown): came up once, but not on another connection",
                next: "mptcpize check")
        }
        if count > 1, let refusal = try cut(data, name, ids, control) {
            return finding(
                .note,
                "\(shown): not tried alone, because neither end may cut the others (\(refusal.name))",
                next: "try as root, here or there")
        }
        let start = ContinuousClock.now
        let small = data.exchange(64, within: Self.patience)
        let all = small == 64 ? data.exchange(Self.much, within: Self.patience) : 0
        let time = (ContinuousClock.now - start) / .milliseconds(1)
        let arrived = try control.saw(name).received
        let others = count > 1 ? " alone, the others cut" : ""
        if all == Self.much {
            return finding(
                .ok, "\(shown)\(others): \(Self.much >> 10) KiB each way in \(Int(time)) ms")
        }
        return finding(
            .problem, "\(shown)\(others): " + lost(small: small == 64, arrived),
            next: small == 64
                ? "sysctl -w net.ipv4.tcp_mtu_probing=1 on both ends, or a smaller MTU for the link"
                : Self.withdraw(ids))
    }

    /// What takes a path away.
    private static func withdraw(_ ids: SubflowInfo) -> String {
        let command = "ip mptcp endpoint delete id"
        let find = "find what drops its data on the way"
        if ids.localID != 0 { return "\(find); until then, \(command) \(ids.localID)" }
        return ids.remoteID == 0
            ? find : "\(find); until then, on the peer, \(command) \(ids.remoteID)"
    }

    /// - Parameter arrived: of one byte, 64, and all.
    private func lost(small: Bool, _ arrived: Int) -> String {
        if small {
            let large = arrived - 65
            return large < Self.much
                ? "small packets get through, large ones do not (\(large) of \(Self.much) bytes"
                    + " arrived): too large for something on the way to the peer"
                : "small packets get through, and large ones that come back do not: too large for"
                    + " something on the way from the peer"
        }
        return arrived > 1
            ? "its data arrives at the peer, and nothing comes back"
            : "it is up, and none of its data arrives at the peer"
    }

    /// The peer cuts all other paths, or this end does, where the peer may not.
    ///
    /// - Returns: why not.
    private func cut(
        _ data: borrowing CheckConnection, _ name: String, _ ids: SubflowInfo,
        _ control: borrowing CheckConnection
    ) throws(Errno) -> Errno? {
        let number = data.number
        // One that was being joined meanwhile comes up when the others have been cut.
        for _ in 0..<3 {
            let answer = try control.ask("keep \(name) \(ids.localID) \(ids.remoteID)")
            if answer?.first != "kept" {
                do throws(Errno) {
                    _ = try CheckProtocol.keep(number, local: ids.localID, remote: ids.remoteID)
                } catch {
                    return error
                }
            }
            let isAlone = wait {
                CheckProtocol.subflows(of: number).allSatisfy {
                    $0.isBetween(ids.localID, ids.remoteID)
                }
            }
            if isAlone { return nil }
        }
        return Errno(rawValue: EBUSY)
    }

    private func wait(_ isSo: () -> Bool) -> Bool {
        for _ in 0..<100 {
            if isSo() { return true }
            usleep(20_000)
        }
        return false
    }
}
