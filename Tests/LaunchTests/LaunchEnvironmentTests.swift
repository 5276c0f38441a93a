import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Launch

@Suite("The program's environment")
struct LaunchEnvironmentTests {
    private let ours = "/usr/$LIB/mptcpize/libmptcpize.so"

    private func preloaded(_ value: String?, by library: String?) -> [String] {
        var environment = LaunchEnvironment(
            [Bytes("A=1")] + (value.map { [Bytes("LD_PRELOAD=\($0)")] } ?? []) + [Bytes("Z=")])
        environment.preload(library.map { Bytes($0) })
        return environment.entries.map(\.text).filter { $0.hasPrefix("LD_PRELOAD=") }
    }

    @Test(
        "our library comes after the user's, which stay as they are",
        arguments: [
            (nil, ""), ("", ""), ("a.so", "a.so:"), ("a.so:", "a.so:"), ("a.so ", "a.so "),
            ("a.so b.so", "a.so b.so:"), ("a.so::b.so : ", "a.so::b.so : "), (":", ":"),
        ] as [(String?, String)])
    func appended(before: String?, prefix: String) {
        #expect(preloaded(before, by: ours) == ["LD_PRELOAD=\(prefix)\(ours)"])
    }

    @Test("it is there once, also when nested")
    func once() {
        for value in [ours, "a.so \(ours)", "\(ours) b.so:", "a.so:\(ours):b.so"] {
            #expect(preloaded(value, by: ours) == ["LD_PRELOAD=\(value)"])
        }
        let plain = "/usr/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so"
        #expect(preloaded("a.so:\(plain) b.so", by: ours) == ["LD_PRELOAD=a.so:b.so:\(ours)"])
        #expect(preloaded("\(ours):\(ours)", by: ours) == ["LD_PRELOAD=\(ours)"])
        #expect(preloaded("/b/libmptcpize-preload.so", by: plain) == ["LD_PRELOAD=\(plain)"])
    }

    @Test("it is taken out for programs that cannot bear it")
    func removed() {
        #expect(preloaded("a.so:\(ours) b.so", by: nil) == ["LD_PRELOAD=a.so:b.so"])
        #expect(preloaded(ours, by: nil) == [])
        #expect(preloaded("a.so: b.so", by: nil) == ["LD_PRELOAD=a.so: b.so"])
        #expect(preloaded(nil, by: nil) == [])
    }

    @Test("other variables keep their places and bytes")
    func untouched() {
        let strange: [Bytes] = [Bytes("PATH=/bin"), [0xFF, 0x3D, 0xFE], Bytes("noequals"), []]
        var environment = LaunchEnvironment(strange + [Bytes("LD_PRELOAD=x"), Bytes("B=2")])
        environment.preload(Bytes(ours))
        environment.enableGoMultipath()
        #expect(Array(environment.entries.prefix(4)) == strange)
        #expect(
            environment.entries.dropFirst(4).map(\.text)
                == ["LD_PRELOAD=x:\(ours)", "B=2", "GODEBUG=multipathtcp=1"])
    }

    @Test("of a variable that is there twice, the last counts and one stays")
    func twice() {
        var environment = LaunchEnvironment(
            ["LD_PRELOAD=a", "X=1", "LD_PRELOAD=b"].map { Bytes($0) })
        environment.preload(Bytes(ours))
        #expect(environment.entries.map(\.text) == ["LD_PRELOAD=b:\(ours)", "X=1"])
    }

    @Test(
        "GODEBUG says multipathtcp=1 unless the user decided",
        arguments: [
            (nil, "multipathtcp=1"), ("", "multipathtcp=1"),
            ("http2debug=1", "http2debug=1,multipathtcp=1"), ("a=1,", "a=1,multipathtcp=1"),
            ("multipathtcp=0", "multipathtcp=0"),
            ("a=1,multipathtcp=2,b=1", "a=1,multipathtcp=2,b=1"),
            ("xmultipathtcp=1", "xmultipathtcp=1,multipathtcp=1"),
        ] as [(String?, String)])
    func goDebug(before: String?, after: String) {
        var environment = LaunchEnvironment(before.map { [Bytes("GODEBUG=\($0)")] } ?? [])
        environment.enableGoMultipath()
        environment.enableGoMultipath()
        #expect(environment.entries.map(\.text) == ["GODEBUG=\(after)"])
    }

    @Test("names that LD_PRELOAD has no way to hold")
    func unspeakable() {
        #expect(PreloadList.canHold(Bytes("/usr/lib/ü\n/x.so")))
        for path in ["/my programs/x.so", "/a:b/x.so", "/$LIB/x.so"] {
            #expect(!PreloadList.canHold(Bytes(path)))
        }
    }

    @Test("$LIB, where the program's own loader finds the library by it")
    func libraryName() throws {
        let content = try Bytes(contentsOf: Fixtures.program("bench_start"))
        let image = try #require(ELFImage(MemorySource(content)))
        let interpreter = try #require(image.interpreter).text
        let path = "/opt/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so"
        let library = PreloadLibrary(path: Bytes(path), prefix: Bytes("/opt"))
        func name(
            loader: String, links: [String: String] = [:], image: ELFImage? = image,
            hasSibling: Bool = true, library: PreloadLibrary = library
        ) -> String {
            var system = FakeSystem([
                interpreter: .init(link: loader), path: .init(),
            ])
            for (from, to) in links { system.files[from] = .init(link: to) }
            return library.name(for: image, hasSibling: hasSibling, on: system).text
        }
        let short = "/opt/$LIB/mptcpize/libmptcpize.so"
        #expect(name(loader: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2") == short)
        #expect(name(loader: "/lib/x86_64-linux-gnu/ld-2.31.so") == short)
        let link = ["/opt/lib64/mptcpize/libmptcpize.so": path]
        #expect(name(loader: "/usr/lib64/ld-linux-x86-64.so.2", links: link) == short)
        #expect(name(loader: "/usr/lib64/ld-linux-x86-64.so.2") == path)
        #expect(name(loader: "/nix/store/abc/lib/ld-linux-x86-64.so.2") == path)
        let multiarch = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
        #expect(name(loader: multiarch, hasSibling: false) == path)
        #expect(name(loader: multiarch, image: nil) == path)
        let alone = PreloadLibrary(path: Bytes(path), prefix: nil)
        #expect(name(loader: multiarch, library: alone) == path)
    }
}
