/// Why a request is not answered with metrics.
struct HTTPRefusal: Error {
    let status: Int
    let reason: String
    var header = ""

    static let malformed = HTTPRefusal(status: 400, reason: "Bad Request")
    static let notFound = HTTPRefusal(status: 404, reason: "Not Found")
    static let method = HTTPRefusal(
        status: 405, reason: "Method Not Allowed", header: "Allow: GET, HEAD\r\n")
    static let timeOut = HTTPRefusal(status: 408, reason: "Request Timeout")
    static let tooLarge = HTTPRefusal(status: 431, reason: "Request Header Fields Too Large")
    static let version = HTTPRefusal(status: 505, reason: "HTTP Version Not Supported")

    static func statusLine(_ status: Int, _ reason: String) -> String {
        "HTTP/1.1 \(status) \(reason)\r\n"
    }

    var response: [UInt8] {
        let body = "\(reason)\n"
        return Array(
            (Self.statusLine(status, reason) + header
                + "Content-Type: text/plain; charset=utf-8\r\nContent-Length: \(body.utf8.count)\r\n"
                + "Connection: close\r\n\r\n" + body).utf8)
    }
}

/// What is asked, as far as it matters here.
struct HTTPRequest {
    let isHead: Bool
    let format: Exposition

    /// The bytes of a request up to and with its empty line; nil where that has not come yet.
    static func headLength(_ bytes: [UInt8]) -> Int? {
        var lineStart = 0
        for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
            let line = bytes[lineStart..<index]
            // A line end before the request line is let pass (RFC 9112, 2.2).
            if lineStart > 1, line.isEmpty || line.elementsEqual([UInt8(ascii: "\r")]),
                bytes[..<lineStart].contains(where: { $0 > 0x20 })
            {
                return index + 1
            }
            lineStart = index + 1
        }
        return nil
    }

    init(head: [UInt8]) throws(HTTPRefusal) {
        // Field values may hold any bytes; names and the request line are ASCII.
        let lines = String(decoding: head, as: UTF8.self).split { $0 == "\n" || $0 == "\r\n" }
        let words = (lines.first ?? "").split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words.allSatisfy({ !$0.isEmpty }), words[2].hasPrefix("HTTP/")
        else { throw .malformed }
        guard ["HTTP/1.0", "HTTP/1.1"].contains(words[2]) else { throw .version }
        var fields: [String: [String]] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex,
                !line[..<colon].contains(where: \.isWhitespace)
            else { throw .malformed }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            fields[line[..<colon].lowercased(), default: []].append(String(value))
        }
        if words[2] == "HTTP/1.1", fields["host"]?.count != 1 { throw .malformed }
        guard ["GET", "HEAD"].contains(words[0]) else { throw .method }
        guard Self.path(words[1]) == "/metrics" else { throw .notFound }
        isHead = words[0] == "HEAD"
        let accepted = (fields["accept"] ?? []).joined(separator: ",").lowercased()
        format = accepted.contains("application/openmetrics-text") ? .openMetrics : .text
    }

    /// Of "/metrics?x" or "http://host/metrics".
    private static func path(_ target: Substring) -> Substring {
        var rest = target
        if rest.hasPrefix("http://") {
            rest = rest.dropFirst("http://".count).drop { $0 != "/" }
        }
        return rest.prefix { $0 != "?" }
    }
}
