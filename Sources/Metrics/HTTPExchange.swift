import Glibc
import LinuxSystem

/// One request of HTTP/1.0 or 1.1 and its answer (RFC 9110, RFC 9112), after which the connection
/// ends. A client can use only a limited amount of this process's time and memory.
package struct HTTPExchange {
    private let input: Int32
    private let output: Int32

    /// For a whole request head, which scrapers send in one packet, and for the answer.
    private static let patience = Duration.seconds(5)
    private static let greatestHead = 8192

    package init(_ input: Int32, _ output: Int32) {
        self.input = input
        self.output = output
    }

    /// - Parameter collect: is called only for a request that asks for metrics.
    package func answer(_ collect: () -> [MetricFamily]) {
        signal(SIGPIPE, SIG_IGN)
        let request: HTTPRequest
        do throws(HTTPRefusal) {
            request = try HTTPRequest(head: try head())
        } catch {
            return send(error.response)
        }
        let format = request.format
        let body = format.write(collect())
        let head =
            HTTPRefusal.statusLine(200, "OK") + "Content-Type: \(format.contentType)\r\n"
            + "Content-Length: \(body.count)\r\nCache-Control: no-store\r\n"
            + "Connection: close\r\n\r\n"
        send(Array(head.utf8) + (request.isHead ? [] : body))
    }

    /// The bytes up to the empty line.
    private func head() throws(HTTPRefusal) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        while true {
            guard wait(input, POLLIN, until: end) else { throw .timeOut }
            let count = read(input, &buffer, buffer.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            // Gone, or it will say nothing more.
            guard count > 0 else { throw .malformed }
            bytes += buffer[..<count]
            if let length = HTTPRequest.headLength(bytes) { return Array(bytes[..<length]) }
            guard bytes.count <= Self.greatestHead else { throw .tooLarge }
        }
    }

    private func send(_ bytes: [UInt8]) {
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        _ = fcntl(output, F_SETFL, fcntl(output, F_GETFL) | O_NONBLOCK)
        var offset = 0
        while offset < bytes.count {
            guard wait(output, POLLOUT, until: end) else { return }
            let count = bytes.withUnsafeBytes {
                write(output, $0.baseAddress! + offset, $0.count - offset)
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            if count <= 0 { return }
            offset += count
        }
        // To close with something unread would reset the connection, and the answer with it.
        shutdown(output, Int32(SHUT_WR))
        var buffer = [UInt8](repeating: 0, count: 4096)
        var rest = 1 << 16
        let soon = clock.now + .seconds(1)
        while rest > 0, wait(input, POLLIN, until: min(soon, end)) {
            let count = recv(input, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count <= 0 { return }
            rest -= count
        }
    }

    private func wait(
        _ descriptor: Int32, _ events: Int32, until end: ContinuousClock.Instant
    ) -> Bool {
        let clock = ContinuousClock()
        var poller = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        while true {
            let (seconds, attoseconds) = max(end - clock.now, .zero).components
            let milliseconds = Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
            let count = poll(&poller, 1, milliseconds)
            if count > 0 { return true }
            if count == 0 || errno != EINTR { return false }
        }
    }
}
