import CTestSupport
import Foundation

/// The connections that processes of a network namespace have open, as "PID FD". This includes those
/// that have ended on both sides, and that no table of the kernel lists any more.
public func connections(in namespace: Namespace) -> [String] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { pid_t($0) }.filter(namespace.contains).flatMap { pid in
        let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")
        return (files ?? []).compactMap { Int32($0) }
            .filter { ctest_is_connection(pid, $0) == 1 }.map { "\(pid) \($0)" }
    }
}
