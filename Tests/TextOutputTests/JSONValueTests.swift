import Foundation
import Testing
import TextOutput

@Suite("JSON")
struct JSONValueTests {
    @Test("every string comes back as it was")
    func strings() throws {
        let all = String(String.UnicodeScalarView((0..<0xD800).compactMap { Unicode.Scalar($0) }))
        for text in ["", "\"\\/\u{8}\u{C}\n\r\t\u{0}\u{7F}", "\u{1F600} \u{2028}", all] {
            let document = JSONValue.array([.string(text)]).text
            let parsed = try JSONSerialization.jsonObject(with: Data(document)) as? [String]
            #expect(parsed == [text])
        }
    }

    @Test("no control character is written as it is, since people look at documents too")
    func controls() {
        let all = String(String.UnicodeScalarView((0...0xFF).compactMap { Unicode.Scalar($0) }))
        let written = String(decoding: JSONValue.string(all).line.dropLast(), as: UTF8.self)
        #expect(!written.unicodeScalars.contains { $0.properties.generalCategory == .control })
        #expect(written.contains(#"\u0007\u0008\t\n"#) && written.contains(#"~\u007f\u0080"#))
        #expect(written.contains("\u{A0}¡¢"))
    }

    @Test("bytes that are no UTF-8 are replaced, and the document stays valid")
    func invalidBytes() throws {
        let value = JSONValue(bytes: [0x61, -1, -64, -128, 0x62, 0, 0x63] as [CChar])
        #expect(value == .string("a\u{FFFD}\u{FFFD}\u{FFFD}b"))
    }

    @Test("numbers are written in full")
    func numbers() {
        let value: JSONValue = [
            JSONValue(UInt64.max), JSONValue(Int64.min), JSONValue(nil as Int?),
        ]
        #expect(
            String(decoding: value.text, as: UTF8.self)
                == "[18446744073709551615, -9223372036854775808, null]\n")
    }

    @Test("empty containers, and nesting")
    func nesting() {
        let value: JSONValue = ["a": [], "b": ["c": [["d": .bool(true)]]], "e": [[1], [2]]]
        #expect(
            String(decoding: value.text, as: UTF8.self) == """
                {
                  "a": [],
                  "b": {"c": [{"d": true}]},
                  "e": [
                    [1],
                    [2]
                  ]
                }

                """)
    }
}
