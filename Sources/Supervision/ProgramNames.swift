import LinuxSystem
import SocketRecords

/// Names of programs that the kernel does not name.
///
/// A program's comm is the end of the path that was executed. It is "exe" for programs that start
/// themselves again by /proc/self/exe (runc, Chromium, BusyBox). Before Linux 6.14, it is the number
/// of the descriptor for programs that fexecve(3) started. Their files have better names.
struct ProgramNames {
    /// By PID, for processes that are gone by now. A process that executes its own file had that
    /// name before.
    private var known: [Int32: ProgramName] = [:]
    private static let most = 4096

    /// The name of the program that an event is of.
    mutating func name(for event: SocketEvent) -> ProgramName {
        let isNew = event.kind == .started || event.kind == .forked
        guard event.program.isOfDescriptor else {
            if isNew { remember(event.program, event.pid) }
            return event.program
        }
        if !isNew, let name = known[event.pid] { return name }
        guard let name = Self.fileName(of: event.pid) else {
            return known[event.pid] ?? event.program
        }
        remember(name, event.pid)
        return name
    }

    private mutating func remember(_ name: ProgramName, _ pid: Int32) {
        if known.count >= Self.most { known = [:] }
        known[pid] = name
    }

    private static func fileName(of pid: Int32) -> ProgramName? {
        guard var path = linkTarget("/proc/\(pid)/exe") else { return nil }
        let deleted = " (deleted)"
        if path.hasSuffix(deleted) { path.removeLast(deleted.utf8.count) }
        // A memory file has a name of its own choosing, which may be a path.
        let memory = "/memfd:"
        if path.hasPrefix(memory) {
            let name = path.dropFirst(memory.count).prefix { $0 != ":" && $0 != "/" }
            return name.isEmpty ? nil : ProgramName(String(name))
        }
        return ProgramName(Bytes(path.utf8).lastPathComponent.text)
    }
}
