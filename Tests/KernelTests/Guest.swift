import Foundation
import Synchronization
import TestSupport

/// One boot of one kernel in which everything is tried: booting costs more than all of it.
struct Guest: Sendable {
    /// No MPTCP at all: Debian's 5.10 was built without.
    static let withoutMPTCP = "5.10"
    /// 6.1: no TCP_IS_MPTCP (6.10), no byte counters (6.5), no number of all subflows (6.8), and
    /// fewer socket options. The last one is the newest of the suites.
    static let withMPTCP = ["6.1", "6.12", "7.2"]

    private static let boots = Mutex<[String: Swift.Result<Guest, any Error>]>([:])

    /// The guest of a kernel, booted when a test first asks for it.
    static func booted(_ series: String) throws -> Guest {
        try boots.withLock { boots in
            if let guest = boots[series] { return try guest.get() }
            let guest = Swift.Result { try Guest(series: series) }
            boots[series] = guest
            return try guest.get()
        }
    }

    /// What a command wrote, and its exit status.
    struct Step: Sendable, CustomStringConvertible {
        let status: Int
        let output: String
        let errors: String

        var description: String { "exit \(status)\n\(output)\n--- stderr\n\(errors)" }
    }

    let console: String
    private let steps: [String: Step]

    struct NoSuchStep: Error, CustomStringConvertible {
        let name: String
        let console: String
        var description: String { "“\(name)” was never reached:\n\(console)" }
    }

    func step(_ name: String) throws -> Step {
        guard let step = steps[name] else { throw NoSuchStep(name: name, console: console) }
        return step
    }

    func report(_ name: String) throws -> Report {
        try Report(json: Data(step(name).output.utf8))
    }

    /// An MPTcpExt counter at a step that printed /proc/net/netstat.
    func counter(_ counter: String, at name: String) throws -> Int? {
        let rows = try step(name).output.split(separator: "\n")
            .filter { $0.hasPrefix("MPTcpExt:") }.map { $0.split(separator: " ") }
        guard rows.count == 2, let index = rows[0].firstIndex(of: counter[...]) else { return nil }
        return Int(rows[1][index])
    }

    private init(series: String) throws {
        let payload = try Payload()
        try payload.add(Products.wholeCommand)
        let library = "/usr/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so"
        try payload.place(Products.library(), at: library)
        for name in Self.fixtures {
            try payload.add(Fixtures.program(name), as: name)
            try payload.add(Fixtures.program(name, .musl), as: "musl-\(name)")
        }
        try payload.add(Fixtures.program("socket_remedies"), as: "socket_remedies")
        try payload.add(Fixtures.program("unread"), as: "unread")
        try payload.add(Fixtures.program("stalls"), as: "stalls")
        try payload.add(Fixtures.program("raw_socket"), as: "raw_socket")
        try payload.add(Fixtures.program("raw_socket", .staticMusl), as: "musl-raw_socket")
        try payload.add("nc", as: "netcat")  // busybox has an nc of its own
        try payload.add(Fixtures.program("held_sockets"), as: "held_sockets")
        try payload.add("ip")  // as /usr/bin/ip: busybox's own comes first in PATH
        for program in Self.programs { try payload.add(program) }
        try payload.write((1...5000).map { "answer \($0)\n" }.joined(), to: "answer")
        try payload.write(script: Self.script)
        let outcome = try Lab.boot(
            kernel: Lab.kernel(series), payload: payload.path,
            modules: ["tcp_diag", "mptcp_diag", "veth", "vrf", "8021q", "ip_gre"])
        console = "\(outcome)"
        steps = Self.parse(outcome.output)
    }

    private static let fixtures = ["socket_matrix", "endings", "toggle"]
    private static let programs = [
        "socat", "redis-server", "redis-cli", "iperf3", "curl", "nginx",
    ]

    private static func parse(_ text: String) -> [String: Step] {
        var steps: [String: Step] = [:]
        for block in text.components(separatedBy: "@@step ").dropFirst() {
            let parts = block.components(separatedBy: "\n@@errors\n")
            let head = parts[0].split(
                separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
            let words = head[0].split(separator: " ", maxSplits: 1)
            guard words.count == 2, parts.count == 2 else { continue }
            steps[String(words[1])] = Step(
                status: Int(words[0]) ?? -1, output: head.count > 1 ? String(head[1]) : "",
                errors: parts[1].trimmingCharacters(in: .newlines))
        }
        return steps
    }

    private static let script = """
        # step NAME COMMAND [ARG…]
        step() {
            name=$1; shift
            "$@" >/tmp/output 2>/tmp/errors
            echo "@@step $? $name"; cat /tmp/output; echo; echo @@errors; cat /tmp/errors; echo
        }
        watch() { file=$1; shift; rm -f $file; mptcpize run --report --json -o $file -- "$@"; }

        # All that differs, since this console is slow.
        compare() {
            "$@" >/tmp/plain 2>&1; plain=$?
            mptcpize run "$@" >/tmp/mptcpized 2>&1; mptcpized=$?
            diff /tmp/plain /tmp/mptcpized | grep '^[-+][^-+]'
            echo "lines $(wc -l </tmp/plain) status $plain $mptcpized"
        }
        step matrix compare socket_matrix
        step musl-matrix compare musl-socket_matrix
        # Not those that measure times, which emulation stretches.
        for behaviour in ignored demoted not-demoted; do
            step "remedies $behaviour" compare socket_remedies $behaviour
        done
        for way in 'counts 6' 'counts 262' 'signal 6' 'end 6' 'end 262'; do
            size='4 1000'; case $way in end*) size= ;; esac
            step "unread $way" compare unread $way $size
        done
        if [ -e /proc/sys/net/mptcp/enabled ]; then
            step toggle mptcpize run toggle
            step musl-toggle mptcpize run musl-toggle
            step 'stalls options' compare stalls options
            step 'stalls windows' mptcpize run stalls windows
            step 'stalls strict' mptcpize run --strict stalls windows
            step 'stalls transfers' mptcpize run stalls transfers 0 2 reads
        fi

        # end PROGRAM WAY: the report of a connection that ends in this way.
        end() { watch /tmp/report "$@" && cat /tmp/report; }
        for way in close dup2 _exit; do
            step "endings $way" end endings $way
            step "musl-endings $way" end musl-endings $way
        done

        listening() {
            tries=0
            until grep -q ":$1 00000000:0000 0A " /proc/net/tcp || [ $tries = 2400 ]; do
                sleep 0.05; tries=$((tries + 1))
            done
        }
        # talk_…: a server and a client on the loopback, $m before each.
        talk_socat() {
            $m socat -u FILE:/t/answer TCP4-LISTEN:9100,reuseaddr,nodelay,keepalive,keepidle=9 &
            listening 238C
            $m socat -u TCP4:127.0.0.1:9100,nodelay,quickack,linger2=5,syncnt=3 - | md5sum
            wait $!; echo $?
        }
        talk_redis() {
            $m redis-server --port 9101 --save '' --tcp-keepalive 60 >/dev/null &
            listening 238D
            for words in PING 'SET key value' 'GET key' 'CONFIG GET tcp-keepalive'; do
                $m redis-cli -p 9101 $words; done
            $m redis-cli -p 9101 SHUTDOWN NOSAVE; wait $!; echo $?
        }
        talk_iperf3() {
            $m iperf3 -4 -s -1 -p 9102 >/dev/null &
            listening 238E
            $m iperf3 -4 -c 127.0.0.1 -p 9102 -n 1M -S 16 >/dev/null; echo $?
            wait $!; echo $?
        }
        talk_curl() {
            busybox httpd -f -p 127.0.0.1:9103 -h /t &
            listening 238F
            $m curl -s --keepalive-time 5 http://127.0.0.1:9103/answer | md5sum
            kill $!
        }
        # A proxy of what is larger than all buffers, before a server that speaks TCP.
        mkdir -p /etc /run/large
        echo root:x:0:0:root:/:/bin/sh >/etc/passwd
        echo root:x:0: >/etc/group
        seq 1500000 >/run/large/file
        {
            echo 'user root; worker_processes 1; daemon off; pid /run/nginx.pid;'
            echo 'events { worker_connections 64; } http { access_log off;'
            for part in client_body proxy fastcgi uwsgi scgi; do
                echo "${part}_temp_path /run/nginx-$part;"; done
            echo 'server { listen 127.0.0.1:9104;'
            echo 'location / { proxy_pass http://127.0.0.1:9105; } } }'
        } >/tmp/nginx.conf
        talk_nginx() {
            busybox httpd -f -p 127.0.0.1:9105 -h /run/large & server=$!
            listening 2391
            $m nginx -e stderr -c /tmp/nginx.conf & proxy=$!
            listening 2390
            $m curl -s --max-time 60 http://127.0.0.1:9104/file | md5sum
            kill $proxy $server; wait $proxy; echo $?
        }
        plain() { m=; talk_$1; }
        mptcpized() { m='mptcpize run'; talk_$1; }
        for program in socat redis iperf3 curl nginx; do
            step "plain $program" plain $program
            step "mptcpized $program" mptcpized $program
        done

        # converse WHO: two netcats on the loopback, these of them under mptcpize.
        converse() {
            server= client=
            case $1 in both | server) server='watch /tmp/server' ;; esac
            case $1 in both | client) client='watch /tmp/client' ;; esac
            $server netcat -l -N 9000 </t/answer >/dev/null &
            listening 2328
            $client netcat -d 127.0.0.1 9000 >/tmp/answered; echo "client $?"
            wait $!; echo "server $?"
            cmp /tmp/answered /t/answer && echo complete
        }
        step "counters before" cat /proc/net/netstat
        for who in nobody both client server; do
            step "$who" converse $who
            step "$who counters" cat /proc/net/netstat
            case $who in both | client) step "$who client" cat /tmp/client ;; esac
            case $who in both | server) step "$who server" cat /tmp/server ;; esac
        done

        step check mptcpize check --json
        if [ -e /proc/sys/net/mptcp/enabled ]; then
            /usr/bin/ip mptcp limits set subflows 2 add_addr_accepted 2
            /usr/bin/ip mptcp endpoint add 127.0.0.2 dev lo subflow
            held_sockets two >/tmp/held &
            tries=0
            until grep -q ready /tmp/held || [ $tries = 2400 ]; do
                sleep 0.05; tries=$((tries + 1))
            done
        fi
        step held cat /tmp/held
        step sockets mptcpize sockets --all --json
        step 'sockets text' mptcpize sockets
        \(SeccompOnKernelsTests.script)
        if [ -e /proc/sys/net/mptcp/enabled ]; then
        \(CheckOnKernelsTests.script)
        fi
        """
}
