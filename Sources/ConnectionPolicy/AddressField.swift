import LinuxSystem

/// The addresses of a rule.
enum AddressField {
    static let allowed =
        "write an address, a prefix such as 192.0.2.0/24 or 2001:db8::/32, a list of them with "
        + "commas, " + AddressClass.allCases.map { $0.rawValue }.joined(separator: ", ") + ", or *"

    /// None: all addresses.
    static func prefixes(
        _ word: PolicyLine.Word, _ place: PolicyParser.Place
    ) throws(Failure) -> [AddressPrefix] {
        let text = word.bytes.text
        if text == "*" { return [] }
        var result: [AddressPrefix] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            if let named = AddressClass(rawValue: item) {
                result += named.prefixes
            } else if let prefix = AddressPrefix(item) {
                result.append(prefix)
            } else {
                let (reason, remedy) = complaint(item)
                throw place.failure(
                    part(item, of: word), reason, remedy)
            }
        }
        return result
    }

    /// An item of a list, where the word is one.
    static func part(_ item: String, of word: PolicyLine.Word) -> PolicyLine.Word {
        let bytes = Bytes(item.utf8)
        guard !bytes.isEmpty, bytes != word.bytes else { return word }
        let items = word.bytes.text.split(separator: ",", omittingEmptySubsequences: false)
        let before = items.prefix { $0 != item }.map { $0.unicodeScalars.count + 1 }
        return .init(bytes: bytes, written: bytes, column: word.column + before.reduce(0, +))
    }

    /// What is wrong with what is no address, and what to write.
    private static func complaint(_ item: String) -> (String, String) {
        let parts = item.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if item == "*" { return ("must stand alone", "write * without a list") }
        if item.hasPrefix("[") {
            return (
                "is in brackets", "write the address without them; ports are a word of their own"
            )
        }
        if item.contains("%") {
            return ("names an interface", "write the address without %INTERFACE")
        }
        if let first = parts.first, parts.count == 2, let whole = AddressPrefix(first) {
            let most = whole.isIPv4 && !first.contains(":") ? 32 : 128
            return (
                "has a wrong prefix length", "write \(first)/LENGTH, LENGTH from 0 to \(most)"
            )
        }
        if item.lowercased() == "localhost" { return ("is a host name", "write loopback") }
        if ["any", "all", "ANY"].contains(item) { return ("is not an address", "write * for all") }
        let isName =
            item.contains { $0.isLetter } && !item.contains(":") && !item.contains("/")
        if isName {
            return (
                "is a host name: its addresses change, but rules are read once",
                "write its addresses or their prefix (`getent ahosts \(item)`), or a class: "
                    + AddressClass.allCases.map { $0.rawValue }.joined(separator: ", ")
            )
        }
        return ("is not an address", allowed)
    }
}

/// The ports of a rule.
enum PortField {
    static let allowed =
        "write a number, a range such as 1024-65535, a name of services(5), a list of them with "
        + "commas and no blanks, or *"

    /// None: all ports.
    static func ranges(
        _ word: PolicyLine.Word, _ place: PolicyParser.Place, _ services: () -> ServiceNames?
    ) throws(Failure) -> [ClosedRange<UInt16>] {
        let text = word.bytes.text
        if text == "*" { return [] }
        var result: [ClosedRange<UInt16>] = []
        for item in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            let part = AddressField.part(item, of: word)
            if let range = range(item) {
                guard range.lowerBound <= range.upperBound else {
                    throw place.failure(part, "ends before it begins", allowed)
                }
                result.append(UInt16(range.lowerBound)...UInt16(range.upperBound))
                continue
            }
            guard item.contains(where: { $0.isLetter }) else {
                let isNumber = !item.isEmpty && item.allSatisfy { $0.isNumber || $0 == "-" }
                throw place.failure(
                    part, isNumber ? "is not a port or range from 0 to 65535" : "is not a port",
                    allowed)
            }
            guard let names = services() else {
                throw place.failure(
                    part, "is a name, but there is no \(ServiceNames.file) to look it up in",
                    "write the port's number")
            }
            guard let port = names[item] else {
                throw place.failure(
                    part, "is not a TCP port's name in \(ServiceNames.file)", allowed)
            }
            result.append(port...port)
        }
        return result.contains(0...UInt16.max) ? [] : result
    }

    /// "N" or "N-M" of ports; nil for anything else. May end before it begins.
    private static func range(_ item: String) -> (lowerBound: Int, upperBound: Int)? {
        let ends = item.split(separator: "-", omittingEmptySubsequences: false).map { end -> Int? in
            guard !end.isEmpty, end.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let port = UInt16(end)
            else { return nil }
            return Int(port)
        }
        switch ends.count {
        case 1: return ends[0].map { ($0, $0) }
        case 2:
            guard let first = ends[0], let last = ends[1] else { return nil }
            return (first, last)
        default: return nil
        }
    }
}

/// One port, as people type it.
package enum PolicyPort {
    /// nil for what is no number of a port and no name of services(5).
    package static func number(_ text: String) -> UInt16? {
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return UInt16(text) }
        return ServiceNames.ofThisMachine()?[text]
    }
}
