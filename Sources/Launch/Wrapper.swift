import LinuxSystem

/// A program that starts another program without LD_PRELOAD.
///
/// It is recognised by its name and arguments, because only its own code decides this.
package struct Wrapper: Equatable, Sendable {
    package enum Effect: Equatable, Sendable {
        /// What it starts has an environment of its own, in the same cgroup.
        case clearsEnvironment
        /// systemd starts it, in a unit of its own.
        case startsElsewhere
        /// It runs programs of another machine, whose loader gets the environment.
        case emulates
    }

    /// The program's name, without its directory.
    package let name: String
    package let effect: Effect

    /// - Parameter arguments: the whole command line, the program's name first.
    package init?(_ arguments: [Bytes]) {
        guard let program = arguments.first else { return nil }
        name = program.lastPathComponent.text
        let words = arguments.dropFirst().map { $0.text }
        // Whoever names it himself knows what he does: sudo LD_PRELOAD=… PROGRAM.
        let namesPreload = arguments.dropFirst().contains { $0.mentions("LD_PRELOAD") }
        switch name {
        case "sudo", "doas", "pkexec":
            guard !namesPreload, Self.startsSomething(words) else { return nil }
            effect = .clearsEnvironment
        case "su", "runuser":
            guard Self.isLogin(words) else { return nil }
            effect = .clearsEnvironment
        case "env":
            guard let command = EnvCommand(words: arguments.dropFirst()), command.losesPreload
            else { return nil }
            effect = .clearsEnvironment
        case "setpriv":
            guard words.contains("--reset-env") else { return nil }
            effect = .clearsEnvironment
        case "systemd-run", "run0":
            guard Self.startsSomething(words) else { return nil }
            effect = .startsElsewhere
        case let name where Self.isEmulator(name):
            effect = .emulates
        default: return nil
        }
    }

    /// Whether it is set-uid, and of no use without.
    var isSetUser: Bool { ["sudo", "doas", "pkexec", "su", "runuser"].contains(name) }

    /// Not just asked for help, or to forget a password.
    private static func startsSomething(_ words: [String]) -> Bool {
        !words.isEmpty && !["--help", "--version", "-V", "-K", "-k", "-l"].contains(words[0])
    }

    /// "-", "-l", "--login", also among other short options.
    private static func isLogin(_ words: [String]) -> Bool {
        words.prefix { $0 != "--" }.contains { word in
            word == "-" || word == "--login"
                || word.hasPrefix("-") && !word.hasPrefix("--")
                    && word.dropFirst().prefix { $0.isLetter }.contains("l")
                    && !"cCsgGuTw".contains(word.dropFirst().first ?? "c")
        }
    }

    /// qemu-user: "qemu-aarch64", "qemu-arm-static"; not the emulators of whole machines.
    private static func isEmulator(_ name: String) -> Bool {
        let other = ["system-", "img", "io", "nbd", "ga", "storage-daemon", "bridge-helper"]
        guard name.hasPrefix("qemu-") else { return false }
        return !other.contains { name.dropFirst("qemu-".count).hasPrefix($0) }
    }
}

extension Bytes {
    /// Whether a text is somewhere in it.
    fileprivate func mentions(_ text: String) -> Bool {
        indices.contains { self[$0...].starts(with: text.utf8) }
    }
}
