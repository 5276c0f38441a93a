import Glibc

/// A moment in the local time zone: "2026-11-20 14:03:25".
///
/// - Parameter seconds: since 1970.
package func localTime(_ seconds: UInt64) -> String {
    guard var moment = time_t(exactly: seconds) else { return "-" }
    var parts = tm()
    guard localtime_r(&moment, &parts) != nil else { return "-" }
    var buffer = [CChar](repeating: 0, count: 32)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S", &parts)
    return String(decoding: buffer.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
}
