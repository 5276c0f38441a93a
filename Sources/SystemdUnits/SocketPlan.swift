import Glibc
import LinuxSystem

/// The drop-in that has systemd itself open a socket unit's listeners as MPTCP.
package struct SocketPlan: Sendable {
    let unit: UnitName
    let properties: UnitProperties
    /// Whether this systemd knows SocketProtocol=mptcp (since 257); nil: it could not be asked.
    let isSupported: Bool?
    /// Whether the kernel gives out MPTCP sockets; without, the unit would not start.
    let kernelHasMPTCP: Bool

    package init(
        unit: UnitName, properties: UnitProperties, isSupported: Bool?, kernelHasMPTCP: Bool
    ) {
        self.unit = unit
        self.properties = properties
        self.isSupported = isSupported
        self.kernelHasMPTCP = kernelHasMPTCP
    }

    /// IPPROTO_MPTCP, as systemd shows SocketProtocol=mptcp.
    package static let mptcp = "262"

    /// - Throws: `Failure` where the unit has nothing to gain, or would not start.
    package func dropIn() throws(Failure) -> DropIn {
        let streams = properties.listeners.filter {
            ["Stream", "SequentialPacket"].contains($0.type)
        }
        guard streams.contains(where: { Self.isInternet($0.address) }) else {
            throw Failure(
                .failed, unit.description, "listens on no TCP port: there is nothing to do")
        }
        if let other = streams.first(where: { !Self.isInternet($0.address) }) {
            throw Failure(
                .failed, unit.description,
                "also listens on \(other.address), where systemd would ask for MPTCP too, and fail",
                remedy: "move the TCP port into a socket unit of its own")
        }
        let protocolNow = properties["SocketProtocol"]
        if !["", "0", Self.mptcp].contains(protocolNow) {
            throw Failure(
                .failed, unit.description, "has a SocketProtocol= of its own, which is not TCP",
                remedy: "remove that setting first")
        }
        if isSupported == false { throw Self.unsupported(unit, properties) }
        guard kernelHasMPTCP else {
            throw Failure(
                .failed, unit.description,
                "would not start: this kernel makes no MPTCP sockets",
                remedy: "`sysctl net.mptcp.enabled=1`, if the kernel has MPTCP")
        }
        return DropIn(section: "Socket", settings: ["SocketProtocol=mptcp"])
    }

    package static func unsupported(_ unit: UnitName, _ properties: UnitProperties) -> Failure {
        let service =
            UnitName(properties["Triggers"].prefix { $0 != " " }) ?? unit.sibling("service")
        let canListenItself = properties["Accept"] != "yes" && service != nil
        return Failure(
            .failed, unit.description,
            "this systemd opens only plain TCP sockets (SocketProtocol=mptcp came with 257)",
            remedy: canListenItself
                ? "have the service listen itself: `systemctl disable --now \(unit.typed)`, "
                    + "`systemctl enable --now \(service!.typed)`, "
                    + "`mptcpize enable --now \(service!.typed)`"
                : "")
    }

    /// Whether a listener's address is one of IPv4 or IPv6.
    package static func isInternet(_ address: String) -> Bool {
        !address.hasPrefix("/") && !address.hasPrefix("@") && !address.hasPrefix("vsock:")
    }

    /// Asks the parser of the installed systemd, which systemd-analyze shares, whether it
    /// takes the setting. Nothing is loaded anywhere.
    package static func probeSupport() -> Bool? {
        var template = Array("/tmp/mptcpize-probe-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        let directory = String(
            decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let socket = "\(directory)/probe.socket"
        let service = "\(directory)/probe.service"
        defer {
            unlink(socket)
            unlink(service)
            rmdir(directory)
        }
        do {
            let home = try Descriptor.open(directory, O_RDONLY | O_DIRECTORY)
            try home.writeFile(
                "probe.socket", "[Socket]\nListenStream=127.0.0.1:9\nSocketProtocol=mptcp\n")
            try home.writeFile("probe.service", "[Service]\nExecStart=/bin/sh\n")
            let outcome = try Subprocess.run(
                ["systemd-analyze", "verify", "--man=no", socket],
                settings: ["LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_LOG_LEVEL": "info"])
            return !(outcome.output + outcome.errors).contains("socket protocol")
        } catch {
            return nil
        }
    }

    /// Whether this kernel, in this network namespace, gives out MPTCP sockets now.
    package static func probeKernel() -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 262)
        if fd >= 0 { close(fd) }
        return fd >= 0
    }
}
