import ArgumentParser
import BPFMode
import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import RunInput
import SeccompMode
import Supervision

/// `mptcpize run`: what ArgumentParser shows of it. `RunArguments` does the parsing.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a program whose TCP sockets become MPTCP where possible.",
        usage: "mptcpize run [<options>] [--] <program> [<argument> ...]",
        discussion: """
            All arguments after the program are passed to it unchanged. Without --debug, \
            --report and the mode "seccomp", mptcpize replaces itself with the program; \
            otherwise it stays as the program's parent.

            The modes: "preload" uses a preload library to make the sockets MPTCP. "bpf" uses \
            the kernel, for the program and all that it starts, also static and set-uid \
            programs, in a new cgroup (root, Linux 6.6 or newer); a process of mptcpize waits \
            for the last of them and removes the cgroup. "seccomp" uses a supervisor process, \
            for the program and all that it starts, also static and Go programs, without root \
            (Linux 5.9 or newer); set-uid programs then run without their privileges, unless \
            root started mptcpize. "auto" is "preload" if that reaches the program, otherwise \
            "bpf" if that is possible, and never "seccomp".

            If nothing reaches the program, it runs over TCP, after one line on standard error \
            with the reason. mptcpize finds the preload libraries next to itself, or where the \
            environment variable MPTCPIZE_LIBRARY points: to a library, or to a folder that \
            contains <multiarch>/mptcpize/libmptcpize.so.

            Exit status: that of the program (a signal that ends it ends mptcpize too); 127 if \
            the program was not found, 126 if it cannot be executed, 125 if mptcpize itself \
            failed, 64 if the command line is wrong.
            """)

    @Flag(
        name: .shortAndLong,
        help: "Print on standard error what each socket becomes, as it happens.")
    var debug = false

    @Flag(help: "Print a report of all sockets on standard error when the program has ended.")
    var report = false

    @Flag(help: "Print the report as JSON; implies --report.")
    var json = false

    @Option(
        name: .shortAndLong, help: "Write the report to a file; implies --report.",
        completion: .file())
    var output: String?

    @Option(
        help: "How to reach the program's sockets: auto, preload, bpf or seccomp.",
        completion: .list(RunArguments.Mode.allCases.map(\.rawValue)))
    var mode = RunArguments.Mode.auto.rawValue

    @Flag(help: "Do not mend socket options: tell the program what the kernel refuses.")
    var strict = false

    @Flag(
        name: .customLong("protocol-as-tcp"),
        help: ArgumentHelp(
            "Answer TCP when the program asks a socket for its protocol (SO_PROTOCOL).",
            discussion: """
                For programs that depend on the protocol, such as Python's asyncio: of sockets \
                that it was handed, it sets TCP_NODELAY only on those whose protocol is TCP.
                """))
    var protocolAsTCP = false

    @OptionGroup var policy: PolicyOptions

    @Argument(help: "The program. It is searched for in PATH unless its name has a slash.")
    var program: String

    @Argument(parsing: .captureForPassthrough, help: "The program's arguments.")
    var argument: [String] = []
}

extension RunCommand {
    /// Runs the program: in this process's place, or as its child to be reported on.
    static func start(_ arguments: RunArguments, environment: [Bytes]) throws(Failure) -> Never {
        let policy = try arguments.policy(environment: environment)
        var plan = try arguments.plan(policy, environment: environment)
        let isWatched = arguments.isWatched
        let image = plan.image
        var packetRules: String? = nil
        func enter() throws(Failure) -> KernelEvents? {
            let rules: CgroupRules
            do throws(Failure) { rules = try CgroupRules(policy, program: image) } catch {
                throw Failure(.own, error.object, error.reason, remedy: error.remedy)
            }
            let events = try TransientCgroup.enter(
                reporting: isWatched, strict: arguments.strict, rules: rules
            ) {
                Console.error($0.message)
            }
            packetRules = rules.packetText
            return events
        }
        let keepsTCP =
            policy.canSayTCP && PolicyTable(policy.text, program: image).forAll.isTCP
        var events: KernelEvents? = nil
        var seccomp: SeccompMode? = nil
        if case .seccomp = arguments.mode {
            if !keepsTCP { try LostEdges.refuse(plan.countingOnEdges, mode: "seccomp mode") }
            plan.settle(.notAsked)
            if !plan.losesPrivileges {
                seccomp = try SeccompMode(
                    strict: arguments.strict, policy: policy.canSayTCP ? policy.text : nil)
            }
        } else if case .bpf = arguments.mode {
            if !keepsTCP { try LostEdges.refuse(plan.countingOnEdges, mode: "BPF mode") }
            plan.settle(.notAsked)
            events = try enter()
        } else if case .auto = arguments.mode, geteuid() == 0,
            plan.needsKernel || keepsTCP && plan.isGo
        {
            do throws(Failure) {
                if !keepsTCP { try LostEdges.refuse(plan.countingOnEdges, mode: "BPF mode") }
                events = try enter()
                plan.settle(keepsTCP ? .keepsTCP : .granted)
            } catch {
                plan.settle(.refused(BPFRefusal.reason(error)))
            }
        } else {
            plan.settle(.notAsked)
        }
        for note in plan.notes { Console.error("mptcpize: \(note)") }
        guard isWatched || seccomp != nil else { throw plan.execute() }
        var options = SupervisorOptions(arguments)
        options.packetRules = packetRules
        if let seccomp {
            try Supervisor.run(plan, options: options, under: seccomp).reproduce()
        }
        guard let events else { try Supervisor.run(plan, options: options).reproduce() }
        try Supervisor.run(plan, options: options, events: events).reproduce()
    }
}
