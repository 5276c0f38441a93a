import Foundation
import Synchronization

/// A virtual machine that is booted once and runs several payloads. It ends with this process.
final class VirtualMachine: Sendable {
    /// For a machine that hangs. Emulation takes as long as it takes: the longest payloads need
    /// two and a half minutes on two processors that nobody else uses.
    static let limit = Duration.seconds(1800)

    private static let machines = Mutex<[[String]: VirtualMachine]>([:])

    private let state: TemporaryDirectory

    /// The machine with a kernel and modules, booted when a test first asks for it.
    static func shared(kernel: String, modules: [String]) throws -> VirtualMachine {
        try machines.withLock { machines in
            let key = [kernel] + modules
            if let machine = machines[key], machine.isUsable { return machine }
            let machine = try VirtualMachine(kernel: kernel, modules: modules)
            machines[key] = machine
            return machine
        }
    }

    private init(kernel: String, modules: [String]) throws {
        state = try TemporaryDirectory()
        try Lab.script(
            "vm-up", [state.path, "--modules", modules.joined(separator: " "), kernel])
    }

    /// Whether it can run another payload: one may have ended it, or left what cannot be cleared.
    private var isUsable: Bool { access(state.file("broken"), F_OK) != 0 }

    func run(_ payload: String) throws -> Outcome {
        try Lab.run("vm-in", [state.path, payload, "\(Self.limit.components.seconds)"])
    }
}
