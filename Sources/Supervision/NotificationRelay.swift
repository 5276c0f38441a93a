import CLinux
import Glibc
import Launch
import LinuxSystem
import Processes

/// Passes on the program's messages to a service manager (sd_notify(3)).
///
/// With `NotifyAccess=main`, the manager listens only to its own child, which is mptcpize. If the
/// program were made the main process (MAINPID=), the manager would not learn its exit status, which
/// only its parent gets. So the program gets a socket of mptcpize, which sends the program's own
/// messages itself. A child of mptcpize sends those of the program's children: like theirs, these
/// count only with `NotifyAccess=all`.
struct NotificationRelay: ~Copyable {
    private let socket: Descriptor
    private let manager: [CChar]
    private let ownPlaces: [String]
    private var bytes: [UInt8]
    /// What the manager had no room for yet.
    private var held: Message?
    /// Readable once the child that passes something on is through. One at a time: messages
    /// keep their order.
    private var messenger: Descriptor?

    fileprivate struct Message {
        var bytes: [UInt8]
        var descriptors: [Int32]
    }

    /// systemd ignores longer messages (NOTIFY_BUFFER_MAX).
    private static let longest = 4096
    /// What is passed on in one look: the program, and signals for it, shall not wait.
    private static let batch = 64

    /// Takes the place of the manager's socket in the program's environment. Nil where there is
    /// none, or one of another kind ("vsock:", to which we have nothing to add).
    init?(_ plan: inout LaunchPlan) {
        let prefix = "NOTIFY_SOCKET=".utf8.map { CChar(bitPattern: $0) }
        guard let entry = plan.environment.last(where: { $0.starts(with: prefix) }) else {
            return nil
        }
        let address = Array(entry.dropFirst(prefix.count))
        guard [UInt8(ascii: "/"), UInt8(ascii: "@")].contains(UInt8(bitPattern: address[0])) else {
            return nil
        }
        var name = [CChar](repeating: 0, count: 108)
        let socket = clinux_notify_bind(&name, name.count)
        guard socket >= 0 else { return nil }
        self.socket = Descriptor(owning: socket)
        manager = address
        ownPlaces = Self.places(of: getpid())
        bytes = [UInt8](repeating: 0, count: Self.longest + 1)
        plan.setEnvironment(
            "NOTIFY_SOCKET",
            String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))
    }

    var number: Int32 { socket.number }

    /// Passes on what has come, as far as there is room for it.
    mutating func pass(for program: pid_t) {
        for _ in 0..<Self.batch {
            if let message = held {
                if !send(message) { return }
                held = nil
            }
            if isBusy { return }
            var header = clinux_message()
            guard clinux_notify_receive(number, &bytes, bytes.count, &header) else { return }
            let message = Message(
                bytes: Array(bytes.prefix(header.size)), descriptors: header.numbers)
            if header.size > Self.longest {
                message.closeDescriptors()
            } else if header.sender == program {
                held = message.naming(getpid(), insteadOf: program)
            } else if isOfOurUnit(header.sender) {
                sendByChild(message.naming(getpid(), insteadOf: program))
            } else {
                message.closeDescriptors()
            }
        }
    }

    /// The same when the program has ended: waits for what it said last, but not for ever.
    mutating func passRest(for program: pid_t) {
        let deadline = Self.milliseconds() + 2000
        repeat {
            pass(for: program)
            var more = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
            if held == nil, messenger == nil, poll(&more, 1, 0) == 0 { return }
            usleep(1000)
        } while Self.milliseconds() < deadline
    }

    private var isBusy: Bool {
        mutating get {
            guard let pipe = messenger?.number else { return false }
            var end = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            if poll(&end, 1, 0) == 0 { return true }
            messenger = nil
            return false
        }
    }

    /// False where there is no room now. What cannot be delivered at all is dropped, as
    /// sd_notify's own message would be.
    private func send(_ message: Message) -> Bool {
        let result = clinux_notify_send(
            number, manager, message.bytes, message.bytes.count, message.descriptors,
            Int32(message.descriptors.count), false)
        if result != 0, [EAGAIN, ENOBUFS].contains(errno) { return false }
        message.closeDescriptors()
        return true
    }

    /// As a child of ours, which is no more the main process than the sender is.
    private mutating func sendByChild(_ message: Message) {
        let pipe = clinux_notify_send_by_child(
            number, manager, message.bytes, message.bytes.count, message.descriptors,
            Int32(message.descriptors.count))
        if pipe >= 0 { messenger = Descriptor(owning: pipe) }
        message.closeDescriptors()
    }

    /// Anybody on this machine can send to an abstract address.
    private func isOfOurUnit(_ sender: pid_t) -> Bool {
        sender > 0 && !ownPlaces.isEmpty && ownPlaces == Self.places(of: sender)
    }

    /// The cgroup of a process's unit, or its own where that is no unit's, in the hierarchies that systemd
    /// may use: cgroup2's, and the one that it has beside it.
    private static func places(of pid: pid_t) -> [String] {
        let memberships = (try? lines(ofFile: "/proc/\(pid)/cgroup")) ?? []
        return memberships.compactMap {
            let fields = $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[0] == "0" || fields[1] == "name=systemd" else {
                return nil
            }
            return CgroupUnit.group(ofPath: fields[2]) ?? String(fields[2])
        }
    }

    private static func milliseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

extension NotificationRelay.Message {
    /// A program that calls itself the main process (haproxy, systemd-notify --pid) means what
    /// the manager has started: us.
    fileprivate func naming(_ own: pid_t, insteadOf program: pid_t) -> Self {
        let line = Array("MAINPID=\(program)".utf8)
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.contains(where: { Array($0) == line }) else { return self }
        var result: [[UInt8]] = []
        for entry in lines where !entry.starts(with: "MAINPIDFDID=".utf8) {
            result.append(Array(entry) == line ? Array("MAINPID=\(own)".utf8) : Array(entry))
        }
        return Self(
            bytes: Array(result.joined(separator: [UInt8(ascii: "\n")])), descriptors: descriptors)
    }

    /// The last close of somebody else's file can take as long as that one wants.
    fileprivate func closeDescriptors() {
        clinux_close_elsewhere(descriptors, Int32(descriptors.count))
    }
}

extension clinux_message {
    fileprivate var numbers: [Int32] {
        withUnsafeBytes(of: descriptors) {
            Array($0.bindMemory(to: Int32.self).prefix(Int(descriptor_count)))
        }
    }
}
