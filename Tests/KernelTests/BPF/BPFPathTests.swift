import Foundation
import TestSupport
import Testing

/// Programs that know nothing of MPTCP, over two paths, on kernels that have the hook.
@Suite(
    "BPF, two paths and other kernels", .serialized, .requires(.bpfMachine),
    .requires(.command("go", "ip", "nft")))
struct BPFPathTests {
    /// A Go program fetches from busybox's httpd; neither asks for MPTCP.
    @Test("both ends of a transfer use both paths", arguments: BPFMachine.kernels)
    func twoPaths(kernel: String) throws {
        let ip = try #require(Environment.find("ip"))
        let machine = try BPFMachine(
            ["fetch": Fixtures.go("fetch", Self.fetch), "ip": ip],
            dynamic: [try #require(Environment.find("nft"))])
        let outcome = try machine.run(
            """
            for host in server client; do
              unshare -n sleep 1000 & eval $host=$!
            done
            on() { eval pid=\\$$1; shift; nsenter --net=/proc/$pid/ns/net "$@"; }
            tool() { host=$1; shift; on $host env LD_LIBRARY_PATH=/t/lib /t/ip "$@"; }
            until [ "$(readlink /proc/$server/ns/net)" != "$(readlink /proc/$$/ns/net)" ] &&
              [ "$(readlink /proc/$client/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do :; done
            for host in server client; do
              tool $host link set lo up; tool $host mptcp limits set subflows 2 add_addr_accepted 2
            done
            for i in 1 2; do
              tool server link add s$i type veth peer name c$i netns $client
              tool server addr add 10.0.$i.1/24 dev s$i; tool server link set s$i up
              tool client addr add 10.0.$i.2/24 dev c$i; tool client link set c$i up
            done
            tool server mptcp endpoint add 10.0.2.1 dev s2 signal
            mkdir /www; dd if=/dev/urandom of=/www/file bs=1M count=20 2>/dev/null
            # Rules for all but the first path, in the namespaces of the cgroups' processes: the
            # second subflow belongs to a connection that was decided on.
            echo $server >$cg/a/cgroup.procs; echo $client >$cg/c/cgroup.procs
            mptcpize bpf attach --policy none --rule 'mptcp any 10.0.1.0/24 *' \
              --rule 'mptcp listen * *' --rule 'tcp any * *' --cgroup $cg/a --cgroup $cg/c || exit 1
            on client nft list tables | grep -c mptcpize_bpf
            on server sh -c "echo 0 >$cg/a/cgroup.procs; busybox httpd -p 80 -h /www"
            on client sh -c "echo 0 >$cg/c/cgroup.procs; ./fetch 10.0.1.1:80 /file /tmp/file"
            cmp /www/file /tmp/file && echo same
            on client cat /proc/net/netstat |
              awk '/^MPTcpExt/ { if (!n++) split($0, names); else split($0, values) }
                END { for (i in names) print names[i], values[i] }' |
              grep -E '^(MPCapableSYNACKRX|MPJoinSynAckRx|MPCapableFallbackSYNACK|Blackhole) '
            on client cat /proc/net/dev |
              awk '/c[12]:/ { sub(":", " "); if ($2 > 100000) print "over", $1 }'
            mptcpize bpf list --json | grep -c '"upgraded": 1,'
            kill $server $client
            """, kernel: kernel, modules: ["veth"] + BPFPolicyTests.modules)
        let lines = Set(outcome.output.split(separator: "\n").map(String.init))
        #expect(
            lines == [
                "same", "MPCapableSYNACKRX 1", "MPJoinSynAckRx 1", "MPCapableFallbackSYNACK 0",
                "over c1", "over c2", "Blackhole 0", "1", "2",
            ], "\(outcome)")
    }

    @Test("AF_INET6 fails as before where the kernel has no IPv6, and AF_INET is MPTCP")
    func withoutIPv6() throws {
        let matrix = try Fixtures.program("socket_matrix", .staticGlibc)
        let outcome = try BPFMachine(["matrix": matrix]).run(
            """
            echo "== before"; inside $cg/a ./matrix
            mptcpize bpf attach --cgroup $cg/a || exit 1
            echo "== inside"; inside $cg/a ./matrix
            """, kernel: "6.12", parameters: "ipv6.disable=1")
        #expect(outcome.succeeded, "\(outcome)")
        expectUpgraded(
            outcome.section("before").joined(separator: "\n"),
            outcome.section("inside").joined(separator: "\n"), count: 8)
    }

    /// In instructions, so that it is the same on every machine.
    @Test("socket() costs little, inside and outside", arguments: BPFMachine.kernels)
    func cost(kernel: String) throws {
        let text = try mustRun(
            [Repository.path("scripts/bench-bpf"), kernel],
            environment: ["MPTCPIZE_BUILD": Products.directory], timeout: .seconds(900))
        var ratios: [String: Double] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            ratios[String(words[0])] = Double(words[1])
        }
        // To a hundredth: each point release of a kernel moves the digit after it.
        for place in ["inside", "outside"] {
            #expect(try #require(ratios[place]) < 1.035, "\(text)")
        }
    }

    /// `fetch ADDRESS PATH FILE`, over HTTP/1.0: the net/http package takes long to compile.
    private static let fetch = """
        package main

        import (
        \t"bufio"
        \t"io"
        \t"net"
        \t"os"
        )

        func must(err error) {
        \tif err != nil {
        \t\tpanic(err)
        \t}
        }

        func main() {
        \tserver, err := net.Dial("tcp", os.Args[1])
        \tmust(err)
        \t_, err = io.WriteString(server, "GET "+os.Args[2]+" HTTP/1.0\\r\\n\\r\\n")
        \tmust(err)
        \tanswer := bufio.NewReader(server)
        \tfor line := ""; line != "\\r\\n"; {
        \t\tline, err = answer.ReadString('\\n')
        \t\tmust(err)
        \t}
        \tfile, err := os.Create(os.Args[3])
        \tmust(err)
        \t_, err = io.Copy(file, answer)
        \tmust(err)
        }
        """
}
