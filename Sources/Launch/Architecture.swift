/// What an ELF file was built for: machine, word size, byte order.
package struct Architecture: Hashable, Sendable {
    /// e_machine of the ELF header.
    package let machine: UInt16
    package let is64Bit: Bool
    package let isBigEndian: Bool

    package init(machine: UInt16, is64Bit: Bool, isBigEndian: Bool) {
        self.machine = machine
        self.is64Bit = is64Bit
        self.isBigEndian = isBigEndian
    }

    package static let amd64 = Architecture(machine: 62, is64Bit: true, isBigEndian: false)
    package static let i386 = Architecture(machine: 3, is64Bit: false, isBigEndian: false)
    package static let arm64 = Architecture(machine: 183, is64Bit: true, isBigEndian: false)

    /// The one that mptcpize itself was built for.
    package static var native: Architecture {
        #if arch(x86_64)
            .amd64
        #elseif arch(arm64)
            .arm64
        #else
            #error("name this architecture in Architecture.swift")
        #endif
    }

    /// The folder name of its libraries, as Debian's multiarch has it and this
    /// project's layout everywhere; nil for architectures that no library is built for.
    package var multiarch: String? {
        switch self {
        case .amd64: "x86_64-linux-gnu"
        case .i386: "i386-linux-gnu"
        case .arm64: "aarch64-linux-gnu"
        default: nil
        }
    }

    /// A name for users.
    package var name: String {
        switch (machine, is64Bit) {
        case (3, _): "i386"
        case (62, true): "x86-64"
        case (62, false): "x32"
        case (183, _): "AArch64"
        case (40, _): "32-bit Arm"
        case (243, true): "RISC-V"
        case (21, _): "POWER"
        case (22, _): "s390x"
        default: "foreign (ELF machine \(machine))"
        }
    }

    /// The architecture with the other word size whose programs this one's kernel
    /// also runs, where a library is built for it.
    package var sibling: Architecture? {
        switch self {
        case .amd64: .i386
        case .i386: .amd64
        default: nil
        }
    }
}
