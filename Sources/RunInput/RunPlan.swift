import ConnectionPolicy
import Glibc
import Launch
import LinuxSystem

extension RunArguments {
    /// Whether mptcpize stays as the program's parent, to tell what becomes of its sockets.
    package var isWatched: Bool { debug || report }

    /// The rules for what stays TCP.
    package func policy(environment: [Bytes]) throws(Failure) -> Policy {
        let inherited = LaunchEnvironment(environment)
        return try policy.policy(environment: { inherited.value(of: $0) }, status: .own)
    }

    /// How the program is started.
    package func plan(_ rules: Policy, environment: [Bytes]) throws(Failure) -> LaunchPlan {
        try Launcher(locator: .host(environment: environment)).plan(
            LaunchRequest(
                arguments: program, environment: environment, strict: strict,
                protocolAsTCP: protocolAsTCP, policy: rules.canSayTCP ? rules.text : nil,
                keepsTCP: policy.keepsTCP, preload: mode.preloads,
                withoutNewPrivileges: mode.supervises && geteuid() != 0),
            on: HostSystem())
    }
}
