import Foundation
import TestSupport
import Testing

/// Devices that this machine's kernel may lack: VRFs, VLANs, tunnels.
@Suite(
    "mptcpize check with VRFs, VLANs and tunnels", .serialized, .requires(.virtualMachines),
    .requires(.flavour(.musl)))
struct CheckOnKernelsTests {
    /// The script: each step checks, types what is said, and checks again.
    static let script = """
        mkdir -p /run/netns
        /usr/bin/ip netns add client; /usr/bin/ip netns add server
        c() { nsenter --net=/run/netns/client -- /usr/bin/ip "$@"; }
        s() { nsenter --net=/run/netns/server -- /usr/bin/ip "$@"; }
        for i in 1 2; do
            c link add eth$i type veth peer name eth$i netns server
            c addr add 10.77.$i.1/24 dev eth$i; s addr add 10.77.$i.2/24 dev eth$i
            c link set eth$i up; s link set eth$i up
        done
        c link set lo up; s link set lo up
        c mptcp limits set subflows 4 add_addr_accepted 4
        s mptcp limits set subflows 4 add_addr_accepted 4
        c route add default via 10.77.1.2
        check() { nsenter --net=/run/netns/$1 -- mptcpize check --json; }
        # mended NAME HOST TEXT: checks, types what a finding with this text says, checks again.
        mended() {
            step "$1" check $2
            next=$(sed 's/},{/}\\n{/g; s/}, {/}\\n{/g' /tmp/output | grep "$3" |
                sed 's/.*"next": *"//; s/"}.*//; s/, if .*//; s/GATEWAY/10.77.2.2/')
            # busybox has an ip of its own.
            { echo 'ip() { /usr/bin/ip "$@"; }'; echo "$next"; } >/tmp/typed
            nsenter --net=/run/netns/$2 -- sh /tmp/typed
            step "$1, mended" check $2
        }
        c link add red type vrf table 10; c link set red up; c link set eth2 master red
        c route add default via 10.77.2.2 dev eth2 table 10
        c mptcp endpoint add 10.77.2.1 subflow
        mended 'vrf client' client 'in the VRF'
        c mptcp endpoint flush; c link set eth2 nomaster; c link delete red
        s link add red type vrf table 10; s link set red up; s link set eth2 master red
        s route add default via 10.77.2.1 dev eth2 table 10
        s mptcp endpoint add 10.77.2.2 dev eth2 signal
        mended 'vrf server' server 'in the VRF'

        c link add link eth2 name eth2.7 type vlan id 7
        c addr add 10.77.7.1/24 dev eth2.7; c link set eth2.7 up
        c route add default via 10.77.7.2 dev eth2.7 table 107
        c rule add from 10.77.7.1 to 192.0.2.0/24 table 107
        c mptcp endpoint add 10.77.7.1 dev eth2.7 subflow
        mended vlan client oif
        c mptcp endpoint flush; c rule delete table 107
        c link add gre9 type gre local 10.77.1.1 remote 10.77.1.2
        c addr add 10.77.9.1/24 dev gre9; c link set gre9 up mtu 1500
        c route add default dev gre9 table 109; c rule add from 10.77.9.1 table 109
        c mptcp endpoint add 10.77.9.1 dev gre9 subflow
        mended tunnel client MTU
        """

    private func findings(_ kernel: String, _ step: String) throws -> [CheckReport.Finding] {
        let step = try Guest.booted(kernel).step(step)
        return try JSONDecoder().decode(CheckReport.self, from: Data(step.output.utf8)).findings
            .filter { $0.subject.hasPrefix("endpoint ") }
    }

    static let cases = [
        ("vrf client", "is in the VRF red, and the endpoint is not bound to it"),
        ("vrf server", "is in the VRF red: connections from there do not reach a listener"),
        ("vlan", "no default route by eth2.7, only by eth1; table 107 has one"),
        (
            "tunnel",
            "its MTU is 1500, and the tunnel's packets leave by eth1, which has room for 1476"
        ),
    ]

    @Test(
        "found, named, and mended by typing what it says", arguments: Guest.withMPTCP, cases)
    func mended(kernel: String, step: (String, String)) throws {
        let before = try findings(kernel, step.0)
        #expect(before.count == 1 && before[0].level == "problem", "\(before)")
        #expect(before.first?.text.contains(step.1) ?? false, "\(before)")
        let after = try findings(kernel, "\(step.0), mended")
        #expect(!after.isEmpty && after.allSatisfy { $0.level != "problem" }, "\(before) \(after)")
        // The tunnel goes the way of the first path.
        #expect(after.contains { $0.text.contains("not a separate way") } == (step.0 == "tunnel"))
    }
}
