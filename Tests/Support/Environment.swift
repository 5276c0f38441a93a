import Foundation

/// The environment that tests give to the programs they start.
public enum Environment {
    /// Where packaged programs are. Without /usr/local and the like, so that "nginx"
    /// and "python3" mean the distribution's.
    public static let path = "/usr/sbin:/usr/bin:/sbin:/bin"

    /// This process's environment as it is.
    public static var inherited: [String: String] { ProcessInfo.processInfo.environment }

    /// This process's environment without what steers loaders, proxies and mptcpize
    /// itself, with the PATH above and a fixed locale. Nothing is remembered of reports.
    public static var clean: [String: String] {
        var result = inherited.filter { name, _ in
            !name.hasPrefix("LD_") && !name.hasPrefix("MPTCPIZE_") && name != "GODEBUG"
                && !name.lowercased().hasSuffix("_proxy")
        }
        result["PATH"] = path
        result["LC_ALL"] = "C.UTF-8"
        result["XDG_STATE_HOME"] = "/dev/null"
        return result
    }

    /// A program's file in `path`; nil when it is not installed.
    public static func find(_ program: String) -> String? {
        path.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}
