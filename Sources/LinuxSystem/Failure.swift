/// Why mptcpize could not do what it was asked: what the user is told, and the
/// exit status that goes with it.
///
/// Every message names the object, the reason, and what to type next.
package struct Failure: Error, Equatable, Sendable {
    /// Exit statuses, as env(1) and nohup(1) have them, and EX_USAGE of sysexits.h.
    package enum Status: Int32, Sendable {
        /// The request was understood and could not be carried out.
        case failed = 1
        /// The command line makes no sense.
        case usage = 64
        /// mptcpize itself failed before the program started.
        case own = 125
        /// The program was found and cannot be executed.
        case notExecutable = 126
        /// The program was not found.
        case notFound = 127
    }

    package let status: Status
    /// What it is about: a path, a unit, a program, as the user wrote it.
    package let object: String
    package let reason: String
    /// What to type or change next; empty where there is nothing to be done.
    package let remedy: String

    package init(_ status: Status, _ object: String, _ reason: String, remedy: String = "") {
        self.status = status
        self.object = object
        self.reason = reason
        self.remedy = remedy
    }

    /// One line, without a newline, with nothing in it that a terminal would obey.
    package var message: String {
        // A name that is empty has to be seen to be.
        let name = object.isEmpty ? "''" : object
        let text = "mptcpize: \(name): \(reason)" + (remedy.isEmpty ? "" : "; \(remedy)")
        return text.printable
    }
}

extension String {
    /// The string with control characters, newlines included, written as escapes, and so what
    /// turns the direction of writing, by which a line reads as another one: names of files,
    /// programs and units are other people's data.
    package var printable: String {
        var result = ""
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x0A: result += "\\n"
            case 0x09: result += "\\t"
            case 0x00..<0x20, 0x7F..<0xA0:
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + (digits.count < 2 ? "0" : "") + digits
            // Unicode's Bidi_Control, and its separators of lines and paragraphs.
            case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
