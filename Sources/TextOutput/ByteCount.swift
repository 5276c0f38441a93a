/// A number of bytes for people: "999 B", "1.5 kB", "15 kB", "1.0 GB". Powers of 1000, as
/// network rates have them, with one decimal below 10 of a unit; rounded down.
package func byteCount(_ bytes: UInt64) -> String {
    if bytes < 1000 { return "\(bytes) B" }
    var tenths = bytes / 100
    var units = ["kB", "MB", "GB", "TB", "PB", "EB"][...]
    while tenths >= 10_000 && units.count > 1 {
        tenths /= 1000
        units.removeFirst()
    }
    let number = tenths < 100 ? "\(tenths / 10).\(tenths % 10)" : "\(tenths / 10)"
    return "\(number) \(units.first!)"
}
