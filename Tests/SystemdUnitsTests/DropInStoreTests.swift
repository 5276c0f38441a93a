import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import SystemdUnits

@Suite("Drop-ins on the disk")
struct DropInStoreTests {
    private let directory: TemporaryDirectory
    private let store: DropInStore
    private let a = UnitName("a.service")!
    private let b = UnitName("b@.service")!

    init() throws {
        directory = try TemporaryDirectory()
        store = DropInStore(directory.file("units"))
        try FileManager.default.createDirectory(
            atPath: store.path, withIntermediateDirectories: false)
    }

    private func request(_ unit: UnitName, _ settings: String..., file: [String: String] = [:])
        -> DropInStore.Request
    {
        DropInStore.Request(
            unit,
            DropIn(
                section: "Service", settings: settings,
                environmentFile: file.map { DropIn.Variable($0.key, $0.value) }),
            undo: "mptcpize disable \(unit)")
    }

    /// Every file and directory below the store, files with mode and content.
    private func tree() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: store.path).sorted().map { name in
            let path = "\(store.path)/\(name)"
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            let mode = String((attributes[.posixPermissions] as? Int) ?? 0, radix: 8)
            let text = try? String(contentsOfFile: path, encoding: .utf8)
            return "\(name) \(mode) \(text ?? "")"
        }
    }

    @Test("written whole with the right modes, whatever the umask, and taken away whole")
    func roundTrip() throws {
        let before = umask(0o077)
        defer { umask(before) }
        _ = try store.write([request(a, "X=1", file: ["A": "b"]), request(b, "Y=2")])
        let tree = try tree()
        #expect(tree.count == 5)
        #expect(tree[0].hasPrefix("a.service.d 755"))
        #expect(tree[1].hasPrefix("a.service.d/50-mptcpize.conf 644 # Written by mptcpize."))
        #expect(tree[1].contains("\n[Service]\nX=1\nEnvironmentFile=\(store.path)/a.service.d/50"))
        #expect(tree[2].hasPrefix("a.service.d/50-mptcpize.env 644"))
        #expect(store.units() == [a, b])
        #expect(try store.remove(a)?.path == store.file(of: a))
        #expect(try store.remove(b) != nil)
        #expect(try self.tree() == [])
        #expect(try store.remove(a) == nil)
    }

    @Test("a directory that was there stays, with all that is in it")
    func foreignDirectory() throws {
        let own = "\(store.path)/a.service.d"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: false)
        let empty = try tree()
        _ = try store.write([request(a, "X=1")])
        try store.remove(a)
        #expect(try tree() == empty)
        try "[Service]\n".write(toFile: "\(own)/override.conf", atomically: false, encoding: .utf8)
        let before = try tree()
        _ = try store.write([request(a, "X=1", file: ["A": "b"])])
        #expect(try tree().count == 4)
        try store.remove(a)
        #expect(try tree() == before)
    }

    @Test("a directory that we made stays while others have put something in it")
    func sharedDirectory() throws {
        _ = try store.write([request(a, "X=1")])
        let other = "\(store.path)/a.service.d/other.conf"
        try "x".write(toFile: other, atomically: false, encoding: .utf8)
        try store.remove(a)
        #expect(
            try tree().map { $0.prefix { $0 != " " } } == ["a.service.d", "a.service.d/other.conf"])
    }

    @Test("missing directories above are made, and go again")
    func parents() throws {
        let deep = DropInStore(directory.file("home/.config/systemd/user"))
        _ = try deep.write([request(a, "X=1"), request(b, "X=1")])
        try deep.remove(a)
        #expect(FileManager.default.fileExists(atPath: deep.path))
        try deep.remove(b)
        #expect(!FileManager.default.fileExists(atPath: directory.file("home")))
    }

    @Test("nothing is made in somebody else's directory", .requires(.root))
    func foreignParents() throws {
        let home = directory.file("home")
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        #expect(chown(home, 65534, 65534) == 0)
        let store = DropInStore("\(home)/.config/systemd/user")
        let failure = #expect(throws: Failure.self) { try store.write([request(a, "X=1")]) }
        #expect(failure?.reason == "belongs to somebody else")
        #expect(try FileManager.default.contentsOfDirectory(atPath: home) == [])
    }

    @Test("writing again replaces, and undoing puts everything back byte for byte")
    func undo() throws {
        _ = try store.write([request(a, "X=1", file: ["A": "1"])])
        let before = try tree()
        let undo = try store.write([request(a, "X=2"), request(b, "Y=1")])
        #expect(try store.installed(a)?.text.contains("X=2") == true)
        #expect(try store.installed(a)?.environmentText == nil)
        try undo.perform()
        #expect(try tree() == before)
    }

    @Test("a file that somebody else wrote under our name is left alone")
    func foreignFile() throws {
        let own = "\(store.path)/b@.service.d"
        try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: false)
        try "[Service]\n".write(
            toFile: "\(own)/50-mptcpize.conf", atomically: false, encoding: .utf8)
        let before = try tree()
        #expect(throws: Failure.self) { try store.write([request(a, "X=1"), request(b, "X=1")]) }
        #expect(throws: Failure.self) { try store.remove(b) }
        #expect(try tree() == before)
        #expect(store.units() == [])
    }

    @Test("no link is followed", arguments: ["a.service.d", "a.service.d/50-mptcpize.conf"])
    func links(_ name: String) throws {
        let target = directory.file("target")
        try FileManager.default.createDirectory(
            atPath: target, withIntermediateDirectories: false)
        if name.contains("/") {
            try FileManager.default.createDirectory(
                atPath: "\(store.path)/a.service.d", withIntermediateDirectories: false)
        }
        try FileManager.default.createSymbolicLink(
            atPath: "\(store.path)/\(name)", withDestinationPath: target)
        #expect(throws: Failure.self) { try store.write([request(a, "X=1")]) }
        #expect(throws: Failure.self) { try store.remove(a) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: target) == [])
    }

    @Test("what a killed mptcpize left aside is swept away")
    func sweeping() throws {
        try FileManager.default.createDirectory(
            atPath: "\(store.path)/.mptcpize-new/a.service.d", withIntermediateDirectories: true)
        try "x".write(
            toFile: "\(store.path)/.mptcpize-new/a.service.d/50-mptcpize.conf", atomically: false,
            encoding: .utf8)
        #expect(try store.installed(a) == nil)
        _ = try store.write([request(a, "X=1")])
        try store.remove(a)
        #expect(try tree() == [])
    }

    @Test("whether a drop-in would be written the same today")
    func upToDate() throws {
        let wanted = request(a, "X=1", file: ["A": "1"]).dropIn
        _ = try store.write([request(a, "X=1", file: ["A": "1"])])
        let installed = try #require(try store.installed(a))
        #expect(installed.isUpToDate(wanted))
        #expect(!installed.isUpToDate(request(a, "X=2", file: ["A": "1"]).dropIn))
        #expect(!installed.isUpToDate(request(a, "X=1", file: ["A": "2"]).dropIn))
        #expect(!installed.isUpToDate(request(a, "X=1").dropIn))
    }
}
