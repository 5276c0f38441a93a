/// A JSON document (RFC 8259), written with its members in the order given.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case string(String)
    case array([JSONValue])
    case object([Member])
    /// A document that is written already, on one line: long lists take less memory so.
    case written([UInt8])

    package struct Member: Equatable, Sendable {
        package let name: String
        package let value: JSONValue

        package init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// Null for nil.
    package init(_ number: (some BinaryInteger)?) {
        guard let number else {
            self = .null
            return
        }
        self = Int64(exactly: number).map { .integer($0) } ?? .unsigned(UInt64(clamping: number))
    }

    /// Null for nil.
    package init(_ text: String?) { self = text.map { .string($0) } ?? .null }

    /// A C string of unknown origin: U+FFFD stands for what is no UTF-8.
    package init(bytes: some Sequence<CChar>) {
        let text = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        self = .string(String(decoding: text, as: UTF8.self))
    }

    /// The document in UTF-8, with a newline at its end: each member of the outermost
    /// object on a line of its own, and each element of the arrays in it.
    package var text: [UInt8] {
        var output: [UInt8] = []
        write(to: &output, depth: 0)
        output.append(UInt8(ascii: "\n"))
        return output
    }

    /// The document on one line, with a newline at its end: for streams of documents.
    package var line: [UInt8] {
        var output: [UInt8] = []
        write(to: &output, depth: Self.brokenDepth)
        output.append(UInt8(ascii: "\n"))
        return output
    }

    /// The same document as bytes instead of a tree.
    package var asWritten: JSONValue {
        var output: [UInt8] = []
        output.reserveCapacity(Self.usualSize)
        write(to: &output, depth: Self.brokenDepth)
        return .written(output)
    }

    /// Objects and arrays that lie deeper are written on one line.
    private static let brokenDepth = 2

    /// Most elements of a long list are shorter, in bytes.
    private static let usualSize = 1024

    private func write(to output: inout [UInt8], depth: Int) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let value): output += (value ? "true" : "false").utf8
        case .integer(let value): output += String(value).utf8
        case .unsigned(let value): output += String(value).utf8
        case .string(let value): Self.write(value, to: &output)
        case .written(let bytes): output += bytes
        case .array(let elements):
            let isBroken = depth < Self.brokenDepth && elements.contains { $0.isContainer }
            Self.write(elements, "[", "]", isBroken, depth, to: &output) { element, output in
                element.write(to: &output, depth: depth + 1)
            }
        case .object(let members):
            Self.write(members, "{", "}", depth == 0, depth, to: &output) { member, output in
                Self.write(member.name, to: &output)
                output += ": ".utf8
                member.value.write(to: &output, depth: depth + 1)
            }
        }
    }

    private var isContainer: Bool {
        switch self {
        case .array, .object, .written: true
        default: false
        }
    }

    private static func write<Element>(
        _ elements: [Element], _ opening: String, _ closing: String, _ isBroken: Bool,
        _ depth: Int, to output: inout [UInt8], each: (Element, inout [UInt8]) -> Void
    ) {
        output += opening.utf8
        for (index, element) in elements.enumerated() {
            if index > 0 { output += (isBroken ? "," : ", ").utf8 }
            if isBroken { newline(depth + 1, to: &output) }
            each(element, &output)
        }
        if isBroken && !elements.isEmpty { newline(depth, to: &output) }
        output += closing.utf8
    }

    private static func newline(_ depth: Int, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\n"))
        output += repeatElement(UInt8(ascii: " "), count: 2 * depth)
    }

    private static func write(_ text: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        var text = text
        let isWritten = text.withUTF8 { bytes in
            guard bytes.allSatisfy({ isPlain($0) }) else { return false }
            output += bytes
            return true
        }
        if !isWritten { escape(text, to: &output) }
        output.append(UInt8(ascii: "\""))
    }

    /// Whether a byte stands for itself. (U+0080 to U+00BF begin with 0xC2.)
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F && byte != 0xC2 && byte != UInt8(ascii: "\"")
            && byte != UInt8(ascii: "\\")
    }

    private static func escape(_ text: String, to output: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += #"\""#.utf8
            case "\\": output += #"\\"#.utf8
            case "\n": output += #"\n"#.utf8
            case "\r": output += #"\r"#.utf8
            case "\t": output += #"\t"#.utf8
            // DEL and the controls of ISO 6429 need not be escaped, but a terminal would obey.
            case "\0"..<" ", "\u{7F}"..<"\u{A0}":
                let digits = String(scalar.value, radix: 16)
                output += "\\u00".utf8
                if digits.count < 2 { output.append(UInt8(ascii: "0")) }
                output += digits.utf8
            default: output += scalar.utf8
            }
        }
    }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral,
    ExpressibleByIntegerLiteral
{
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { Member(name: $0.0, value: $0.1) })
    }

    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    package init(integerLiteral value: Int64) { self = .integer(value) }
}
