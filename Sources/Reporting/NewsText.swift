import LinuxSystem
import SocketRecords
import SocketValues

extension SocketNews {
    /// What `run -d` prints: a line for each thing that happened.
    package var lines: [String] {
        switch self {
        case .created(let socket):
            let why = socket.ruling.map { ": \($0)" } ?? socket.why(of: socket.refusal)
            return ["\(socket.title): \(socket.socket.title) socket\(why)"]
        case .accepted(let socket):
            let from = socket.remote.map { " from \($0.text)" } ?? ""
            let why = socket.socket == .tcp && socket.listener == .mptcp ? ": a TCP client" : ""
            return ["\(socket.title): accepted over \(socket.socket.title)\(from)\(why)"]
        case .remedied(let socket, let remedy):
            let error = remedy.error.map { " (the kernel said \($0.name))" } ?? ""
            return ["\(socket.title): \(remedy.inWords)\(error)"]
        case .ruled(let socket):
            return ["\(socket.title): \(socket.socket.title) socket: \(socket.ruling ?? "")"]
        case .fellBack(let socket):
            let peer = socket.remote.map { " with \($0.text)" } ?? ""
            return ["\(socket.title): fell back to TCP on the wire\(peer)"]
        case .unreached(let program, let pid):
            return [
                "\(program.name)[\(pid)]: was started, but not reached (\(program.reason.inWords))"
            ]
        case .several(let news): return news.flatMap { $0.lines }
        }
    }
}

extension ReportedSocket {
    fileprivate var title: String { "\(program.text)[\(pid)]" + (fd < 0 ? "" : " fd \(fd)") }

    fileprivate func why(of refusal: Errno?) -> String {
        refusal.map { ": \($0.ofMultipathTCP(family))" } ?? ""
    }
}

extension SocketEvent.SocketType {
    fileprivate var title: String { rawValue.uppercased() }
}
