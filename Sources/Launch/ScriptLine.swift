import LinuxSystem

/// The first line of a script, "#!INTERPRETER [ARGUMENT]", as Linux reads it.
package struct ScriptLine: Equatable, Sendable {
    package let interpreter: Bytes
    /// All that follows the interpreter, one argument whatever is in it.
    package let argument: Bytes?

    /// The kernel looks at no more (BINPRM_BUF_SIZE; 128 before Linux 5.1).
    package static let longest = 256

    /// Nil when the kernel would not take it for a script (fs/binfmt_script.c).
    ///
    /// - Parameter head: The first bytes of the file, `longest` unless it is shorter.
    package init?(_ head: Bytes) {
        guard head.starts(with: "#!".utf8) else { return nil }
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let end = head.firstIndex(of: 0x0A)
        var line = head[2..<(end ?? head.count)]
        let wasCut = end == nil && head.count >= Self.longest
        line = line.drop(while: isBlank)
        let name = line.prefix { !isBlank($0) && $0 != 0 }
        // A name that may go on past what the kernel reads is not run at all.
        if name.isEmpty || (wasCut && name.endIndex == line.endIndex) { return nil }
        interpreter = Bytes(name)
        var rest = line[name.endIndex...].drop(while: isBlank).prefix { $0 != 0 }
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        argument = rest.isEmpty ? nil : Bytes(rest)
    }
}

/// What env(1) runs in the first line of a script, `#!/usr/bin/env …`.
package struct EnvCommand: Equatable, Sendable {
    package let program: Bytes
    /// The PATH that it is searched in, where the line sets one.
    package let path: Bytes?
    /// Whether the line takes LD_PRELOAD out of the program's environment.
    package let losesPreload: Bool

    /// Nil when the line does not say in a way understood here.
    package init?(argument: Bytes) {
        let split: [Bytes]
        if let text = Self.splitString(argument) {
            split = Self.words(text)
        } else {
            // Without -S, env gets the rest of the line as one word.
            split = [argument]
        }
        self.init(words: split[...])
    }

    /// The same of env's own arguments.
    init?(words: ArraySlice<Bytes>) {
        var path: Bytes?
        var loses = false
        var words = words
        while let word = words.first, word.first == UInt8(ascii: "-") {
            words = words.dropFirst()
            switch word.text {
            case "--":
                break
            case "-", "-i", "--ignore-environment":
                loses = true
                continue
            case "-v", "--debug":
                continue
            case "-u", "--unset":
                loses = loses || words.first == Bytes("LD_PRELOAD".utf8)
                words = words.dropFirst()
                continue
            case "-uLD_PRELOAD", "--unset=LD_PRELOAD":
                loses = true
                continue
            case let option where option.hasPrefix("-u") || option.hasPrefix("--unset="):
                continue
            default:
                return nil
            }
            break
        }
        while let word = words.first, let equals = word.firstIndex(of: UInt8(ascii: "=")) {
            switch word[..<equals] {
            case Bytes("PATH".utf8)[...]: path = Bytes(word[(equals + 1)...])
            case Bytes("LD_PRELOAD".utf8)[...]: loses = true
            default: break
            }
            words = words.dropFirst()
        }
        guard let program = words.first, !program.isEmpty else { return nil }
        self.program = program
        self.path = path
        losesPreload = loses
    }

    /// What follows -S or --split-string, also where short options come before it.
    private static func splitString(_ argument: Bytes) -> Bytes? {
        for option in ["--split-string=", "-S", "-vS"]
        where argument.starts(with: option.utf8) {
            return Bytes(argument.dropFirst(option.utf8.count))
        }
        guard argument.starts(with: "-iS".utf8) else { return nil }
        return Bytes("-i ".utf8) + argument.dropFirst(3)
    }

    /// Splits at blanks outside of quotes; a backslash takes the next byte as it is.
    private static func words(_ text: Bytes) -> [Bytes] {
        var words: [Bytes] = []
        var word: Bytes?
        var quote: UInt8?
        var escaped = false
        for byte in text {
            if escaped {
                word = (word ?? []) + [byte]
                escaped = false
            } else if byte == UInt8(ascii: "\\"), quote != UInt8(ascii: "'") {
                escaped = true
            } else if byte == quote {
                quote = nil
            } else if quote == nil, byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = byte
                word = word ?? []
            } else if quote == nil, byte == 0x20 || byte == 0x09 {
                if let complete = word { words.append(complete) }
                word = nil
            } else {
                word = (word ?? []) + [byte]
            }
        }
        if let complete = word { words.append(complete) }
        return words
    }
}
