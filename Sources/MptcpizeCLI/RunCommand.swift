import ArgumentParser
import BPFMode
import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem
import RunHistory
import SeccompMode
import Supervision

/// `mptcpize run`: what ArgumentParser shows of it. `RunArguments` does the parsing.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a program whose TCP sockets become MPTCP where possible.",
        usage: "mptcpize run [<options>] [--] <program> [<argument> ...]",
        discussion: """
            Everything from the program on is passed to it untouched. Without --debug and \
            --report, mptcpize replaces itself by the program; else it stays as the program's \
            parent.

            The modes: "preload" has a preload library make the sockets MPTCP. "bpf" has the \
            kernel do it for the program and all that it starts, also static and set-uid ones, \
            in a cgroup of their own (root, Linux 6.6 or newer); a process of mptcpize waits \
            for the last of them, to take it away. "seccomp" has a supervisor do it for the \
            program and all that it starts, also static ones and those of Go, without root \
            (Linux 5.9 or newer); set-uid programs then run without their privileges, unless \
            root has started it. "auto" is "preload" where that reaches the program, else "bpf" \
            where that is possible, and never "seccomp".

            A program that cannot be reached is run all the same, over TCP, after one line \
            on standard error that says why. The libraries to preload are found beside \
            mptcpize itself, or where the environment variable MPTCPIZE_LIBRARY says: a \
            library, or a folder with <multiarch>/mptcpize/libmptcpize.so in it.

            Exit status: the program's (a signal that ends it ends mptcpize too); 127 when \
            it was not found, 126 when it cannot be executed, 125 when mptcpize itself \
            failed, 64 for a command line that makes no sense.
            """)

    @Flag(
        name: .shortAndLong, help: "Say on standard error what each socket becomes, as it happens.")
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

    @Flag(help: "Apply no remedies: what the kernel refuses, the program is told.")
    var strict = false

    @Flag(
        name: .customLong("protocol-as-tcp"),
        help: ArgumentHelp(
            "Tell the program that asks a socket for its protocol (SO_PROTOCOL): TCP.",
            discussion: """
                For programs that decide by it, as Python's asyncio with sockets that it was \
                handed: it sets TCP_NODELAY on those of protocol TCP only.
                """))
    var protocolAsTCP = false

    @OptionGroup var policy: PolicyOptions

    @Argument(help: "The program, searched for in PATH unless it has a slash.")
    var program: String

    @Argument(parsing: .captureForPassthrough, help: "The program's arguments.")
    var argument: [String] = []
}

extension RunCommand {
    /// Runs the program: in this process's place, or as its child to be reported on.
    static func start(_ arguments: RunArguments, environment: [Bytes]) throws(Failure) -> Never {
        let inherited = LaunchEnvironment(environment)
        let policy = try arguments.policy.policy(
            environment: { inherited.value(of: $0) }, status: .own)
        var plan = try Launcher(locator: .host(environment: environment)).plan(
            LaunchRequest(
                arguments: arguments.program, environment: environment, strict: arguments.strict,
                protocolAsTCP: arguments.protocolAsTCP,
                policy: policy.canSayTCP ? policy.text : nil,
                keepsTCP: arguments.policy.keepsTCP,
                preload: arguments.mode.preloads,
                withoutNewPrivileges: arguments.mode.supervises && geteuid() != 0),
            on: HostSystem())
        let isWatched = arguments.debug || arguments.report
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
        var options = SupervisorOptions()
        options.debug = arguments.debug
        options.report = arguments.report ? (arguments.json ? .json : .text) : nil
        options.output = arguments.output
        options.memory = isWatched ? ReportMemory.ofThisUser() : nil
        options.packetRules = packetRules
        if let seccomp {
            try Supervisor.run(plan, options: options, under: seccomp).reproduce()
        }
        guard let events else { try Supervisor.run(plan, options: options).reproduce() }
        try Supervisor.run(plan, options: options, events: events).reproduce()
    }
}
