import LinuxSystem

/// The words of one line. A word that begins with a quotation mark ends with the next one of its
/// kind; "#" at the beginning of a word begins a comment.
struct PolicyLine {
    struct Word: Equatable {
        /// Without quotation marks.
        let bytes: Bytes
        /// As it was written.
        let written: Bytes
        /// In characters, from 1.
        let column: Int
    }

    let words: [Word]
    /// Where a further word would stand.
    let end: Int

    /// - Throws: the word that does not end.
    init(_ line: some Collection<UInt8>) throws(Unended) {
        var words: [Word] = []
        let bytes = Bytes(line)
        var place = 0
        func column(_ place: Int) -> Int {
            // Bytes that go on with a character of UTF-8 are no columns.
            1 + bytes[..<place].count { $0 & 0xc0 != 0x80 }
        }
        while true {
            while place < bytes.count, Self.isBlank(bytes[place]) { place += 1 }
            guard place < bytes.count, bytes[place] != UInt8(ascii: "#") else { break }
            let begin = place
            let mark = bytes[place]
            if mark == UInt8(ascii: "\"") || mark == UInt8(ascii: "'") {
                guard let last = bytes[(begin + 1)...].firstIndex(of: mark),
                    last + 1 == bytes.count || Self.isBlank(bytes[last + 1])
                else {
                    throw Unended(
                        word: Word(
                            bytes: Bytes(bytes[begin...]), written: Bytes(bytes[begin...]),
                            column: column(begin)))
                }
                place = last + 1
                words.append(
                    Word(
                        bytes: Bytes(bytes[(begin + 1)..<last]),
                        written: Bytes(bytes[begin..<place]), column: column(begin)))
            } else {
                while place < bytes.count, !Self.isBlank(bytes[place]) { place += 1 }
                let word = Bytes(bytes[begin..<place])
                words.append(Word(bytes: word, written: word, column: column(begin)))
            }
        }
        self.words = words
        let last = bytes.lastIndex { !Self.isBlank($0) }
        end = words.isEmpty ? 1 : column(last! + 1)
    }

    struct Unended: Error { let word: Word }

    /// Blanks, and the carriage return of lines that were written elsewhere.
    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }
}
