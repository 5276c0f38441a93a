import TestSupport

extension [UInt8] {
    /// With some bytes changed, left out, put in twice, or cut off. Most changes are such that
    /// the message stays whole, so that what reads its attributes sees them.
    package func mutated(using random: inout SeededGenerator) -> [UInt8] {
        var bytes = self
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard bytes.count > 24 else { break }
            let place = Int.random(in: 16..<bytes.count - 8, using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<6: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 6..<12: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            // Lengths and types of attributes lie at multiples of four.
            case 12..<17:
                let value = [0, 1, 3, 4, 5, 8, 20, 0x7FFF, 0xFFFF].randomElement(using: &random)!
                bytes[place & ~3] = UInt8(value & 0xFF)
                bytes[(place & ~3) + 1] = UInt8(value >> 8)
            case 17: bytes.removeSubrange(place..<place + 4)
            case 18: bytes.insert(contentsOf: bytes[place..<place + 8], at: place)
            default: bytes = Array(bytes.prefix(place))
            }
        }
        return bytes
    }
}
