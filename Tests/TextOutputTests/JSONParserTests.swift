import Testing
import TextOutput

@Suite("JSON that others wrote")
struct JSONParserTests {
    private func parsed(_ text: String) -> JSONValue? { JSONValue(parsing: Array(text.utf8)) }

    @Test("values of each kind")
    func values() {
        #expect(parsed("null") == .null)
        #expect(parsed(" [true, false] ") == [.bool(true), .bool(false)])
        #expect(parsed("-12") == .integer(-12))
        #expect(parsed("1.5e3") == .written(Array("1.5e3".utf8)))
        #expect(parsed("18446744073709551616") == .written(Array("18446744073709551616".utf8)))
        #expect(
            parsed(#""a\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00""#)?.string
                == "a\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{1F600}")
        #expect(parsed(#""\ud800""#)?.string == "\u{FFFD}")
        #expect(parsed(#"{"a": 1, "a": {"b": "c"}}"#)?["a"]?["b"]?.string == "c")
        #expect(parsed("{}") == .object([]))
    }

    @Test(
        "what is none",
        arguments: [
            "", " ", "{", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{a: 1}", "\"open", "nul", "tru",
            "[1] 2", "\"\\u12\"", "\"\\ud800\\u1\"", "\"\\x41\"", "+1", "-", "1e", "\"\u{1}\"", "]",
            "\u{0}", String(repeating: "[", count: 100_000),
            String(repeating: "{\"a\":", count: 9999),
        ])
    func garbage(_ text: String) { #expect(parsed(text) == nil) }

    @Test("every beginning of a document, and bytes that are no UTF-8")
    func cut() {
        let text = Array(#"{"id": "x", "pid": 7, "annotations": {"a": ["b", null, -1.5]}}"#.utf8)
        for end in 0..<text.count { #expect(JSONValue(parsing: Array(text[..<end])) == nil) }
        #expect(JSONValue(parsing: text) != nil)
        #expect(JSONValue(parsing: [0x22, 0xFF, 0x22])?.string == "\u{FFFD}")
    }
}
