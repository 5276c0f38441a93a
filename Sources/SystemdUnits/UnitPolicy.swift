import ConnectionPolicy
import LinuxSystem

extension PreloadVariables {
    /// With the rules that are in force for a manager's units.
    ///
    /// - Throws: `Failure` where they cannot be read.
    package init(
        protocolAsTCP: Bool, policy places: PolicyPlaces, of manager: ServiceManager
    ) throws(Failure) {
        self.init()
        self.protocolAsTCP = protocolAsTCP
        let rules = try places.policy(for: manager.scope)
        policy = rules.canSayTCP ? rules.text : nil
        keepsTCP = places.keepsTCP
    }
}

extension PolicyPlaces {
    /// The system's units have the system's rules, whoever asks.
    package func policy(for scope: ManagerScope) throws(Failure) -> Policy {
        try policy(
            environment: { scope == .user ? Self.ownEnvironment($0) : nil }, status: .failed)
    }
}
