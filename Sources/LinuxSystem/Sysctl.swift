/// Settings below /proc/sys, of the calling thread's network namespace where they have one.
package enum Sysctl {
    /// Nil where there is none of that name. ("net.mptcp.enabled")
    package static func value(_ name: String) -> String? {
        let path = "/proc/sys/" + name.split(separator: ".").joined(separator: "/")
        return (try? lines(ofFile: path))?.first
    }
}
