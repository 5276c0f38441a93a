/// A table for a terminal: columns as wide as their widest cell, one space between them.
package struct TextTable: Sendable {
    package enum Alignment: Sendable { case left, right }

    package struct Column: Sendable {
        package let title: String
        package let alignment: Alignment

        package init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }
    }

    /// A cell, and how a terminal is to show it.
    package struct Cell: Sendable, ExpressibleByStringLiteral {
        package let text: String
        package let style: Style?

        package init(_ text: String, _ style: Style? = nil) {
            self.text = text
            self.style = style
        }

        package init(stringLiteral text: String) { self.init(text) }
    }

    /// Select Graphic Rendition, ECMA-48.
    package enum Style: String, Sendable {
        case good = "32"
        case bad = "31"
        case doubtful = "33"
    }

    private let columns: [Column]
    private var rows: [(cells: [Cell], note: String)] = []

    /// The last column needs no title of its own: `note` in `append`.
    package init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row of a cell per column. The note follows in a last column of its own where
    /// the line stays within the table's width, else on the next line, indented.
    package mutating func append(_ cells: [Cell], note: String = "") { rows.append((cells, note)) }

    /// The lines, without newlines and trailing spaces.
    ///
    /// - Parameters:
    ///   - noteTitle: the title of the notes' column.
    ///   - width: what notes fit into, in columns.
    package func lines(noteTitle: String = "", width: Int = 100, styled: Bool = false) -> [String] {
        var widths = columns.map { Self.width($0.title) }
        for row in rows {
            for (index, cell) in row.cells.enumerated() {
                widths[index] = max(widths[index], Self.width(cell.text))
            }
        }
        let used = widths.reduce(0, +) + widths.count
        let header = row(columns.map { Cell($0.title) }, noteTitle, widths, styled: false)
        return [header]
            + rows.flatMap { cells, note in
                if note.isEmpty || used + Self.width(note) <= width {
                    return [row(cells, note, widths, styled: styled)]
                }
                return [row(cells, "", widths, styled: styled), "    \(note)"]
            }
    }

    private func row(_ cells: [Cell], _ note: String, _ widths: [Int], styled: Bool) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: widths[index] - Self.width(cell.text))
            let text: String
            if styled, let style = cell.style {
                text = "\u{1B}[\(style.rawValue)m\(cell.text)\u{1B}[0m"
            } else {
                text = cell.text
            }
            line += columns[index].alignment == .left ? text + padding : padding + text
            line += " "
        }
        line += note
        while line.utf8.last == UInt8(ascii: " ") { line.removeLast() }
        return line
    }

    /// Close enough to what a terminal uses: cells hold addresses, numbers and names.
    private static func width(_ text: String) -> Int {
        // Finding the characters of other text takes ten times as long.
        text.utf8.allSatisfy { $0 < 0x80 } ? text.utf8.count : text.count
    }
}
