import LinuxSystem
import Testing

@testable import SystemdUnits

@Suite("The drop-in of a socket unit")
struct SocketPlanTests {
    private func dropIn(
        _ properties: String, isSupported: Bool? = true, kernelHasMPTCP: Bool = true
    ) throws -> DropIn {
        try SocketPlan(
            unit: UnitName("x.socket")!, properties: UnitProperties(parsing: properties),
            isSupported: isSupported, kernelHasMPTCP: kernelHasMPTCP
        ).dropIn()
    }

    @Test(
        "listeners that systemd opens as MPTCP",
        arguments: [
            "Listen=0.0.0.0:22 (Stream)", "Listen=[::]:22 (Stream)\nSocketProtocol=0",
            "Listen=1.2.3.4:1 (Stream)\nListen=/run/x (Datagram)\nListen=/dev/y (Special)",
            "Listen=[::]:22 (Stream)\nSocketProtocol=262",
        ])
    func taken(_ properties: String) throws {
        let result = try dropIn(properties)
        #expect(result.section == "Socket")
        #expect(result.settings == ["SocketProtocol=mptcp"])
    }

    @Test(
        "units that have nothing to gain, or would not start",
        arguments: [
            "Listen=/run/x (Stream)", "Listen=[::]:53 (Datagram)", "",
            "Listen=[::]:22 (Stream)\nListen=/run/x (Stream)",
            "Listen=[::]:22 (Stream)\nListen=@abstract (SequentialPacket)",
            "Listen=[::]:22 (Stream)\nListen=vsock::22 (Stream)",
            "Listen=[::]:22 (Stream)\nSocketProtocol=132",
        ])
    func refused(_ properties: String) {
        #expect(throws: Failure.self) { try dropIn(properties) }
    }

    @Test("an old systemd, with the way out; a kernel without MPTCP")
    func unsupported() {
        let failure = #expect(throws: Failure.self) {
            try dropIn("Listen=[::]:22 (Stream)\nTriggers=ssh.service", isSupported: false)
        }
        #expect(failure?.remedy.contains("mptcpize enable --now ssh.service") == true)
        let inetd = #expect(throws: Failure.self) {
            try dropIn("Listen=[::]:22 (Stream)\nAccept=yes", isSupported: false)
        }
        #expect(inetd?.remedy == "")
        #expect(throws: Failure.self) {
            try dropIn("Listen=[::]:22 (Stream)", kernelHasMPTCP: false)
        }
    }
}
