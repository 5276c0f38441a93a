import SocketPolicy
import Testing

/// Checks what the fixture socket_matrix prints under mptcpize, for every way in: a socket that
/// asks for TCP became MPTCP, and every other line is the same as without mptcpize.
///
/// - Parameter count: how many; the default is that of two families, two protocols and four
///   sets of flags that the kernel takes.
public func expectUpgraded(_ plain: String, _ upgraded: String, count: Int = 16) {
    let before = plain.split(separator: "\n")
    let after = upgraded.split(separator: "\n")
    #expect(before.count == after.count && before.count > 1000)
    var upgrades = 0
    for (old, new) in zip(before, after) {
        let words = old.split(separator: " ")
        let asks = mptcpize_asks_for_tcp(
            Int32(words[1])!, Int32(words[3])!, Int32(words[7].dropLast())!)
        let expected = String(asks ? old.replacing(": 6 ", with: ": 262 ") : old)
        #expect(new == expected)
        if old != expected { upgrades += 1 }
    }
    #expect(upgrades == count)
}
