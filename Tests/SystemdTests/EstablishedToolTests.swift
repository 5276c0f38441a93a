import TestSupport
import Testing

/// What the README's table says of the C tool of the same name (Debian's package) and
/// services, and of mptcpize in the same place.
@Suite(
    "The C tool of the same name, and services", .requires(.systemdMachines),
    .requires(.established))
struct EstablishedToolTests {
    /// A vendor's unit, which a package manager would ask about once it was edited.
    private static let unit = """
        [Service]
        Environment=LISTEN_ADDRESS=127.0.0.1
        Environment=NAME=a
        ExecStart=/usr/bin/sleep infinity

        """

    @Test("it edits the vendor's unit and deletes its settings; disabling leaves them deleted")
    func vendorsFile() throws {
        let machine = try ServiceMachine()
        let path = "/usr/lib/systemd/system/vendor.service"
        try machine.write(Self.unit, to: path)
        try machine.must("systemctl daemon-reload")

        try machine.must("mptcpize enable vendor.service")
        #expect(try machine.must("cat \(path)") == Self.unit)
        try machine.must("mptcpize disable vendor.service")
        #expect(try machine.must("cat \(path)") == Self.unit)

        try machine.must("/usr/bin/mptcpize enable vendor.service")
        #expect(try machine.must("cat \(path)").contains("LISTEN_ADDRESS") == false)
        try machine.must("/usr/bin/mptcpize disable vendor.service")
        #expect(try machine.must("cat \(path)").contains("LISTEN_ADDRESS") == false)
    }

    @Test("it claims success on a socket unit, and changes nothing that would matter")
    func socketUnit() throws {
        let machine = try ServiceMachine()
        try machine.add([
            "listener.socket": "[Socket]\nListenStream=127.0.0.1:8000\nAccept=yes\n",
            "listener@.service": "[Service]\nStandardInput=socket\nExecStart=/usr/bin/cat\n",
        ])
        let theirs = try machine.run("/usr/bin/mptcpize enable listener.socket")
        #expect(theirs.succeeded)
        try machine.must("systemctl daemon-reload; systemctl start listener.socket")
        #expect(try machine.talk(to: 8000, saying: "hello").isMPTCP == false)
        let ours = try machine.mptcpize("enable", "listener.socket")
        #expect(
            !ours.succeeded && ours.errors.contains("SocketProtocol=mptcp came with 257"), "\(ours)"
        )
    }
}
