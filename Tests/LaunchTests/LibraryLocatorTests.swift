import Foundation
import LinuxSystem
import TestSupport
import Testing

@testable import Launch

@Suite("Where the preload library is found")
struct LibraryLocatorTests {
    private func system(_ libraries: [String: Products.Architecture]) throws -> FakeSystem {
        FakeSystem(
            contents: try libraries.mapValues { try Bytes(contentsOf: Products.library($0)) })
    }

    private func locator(
        _ system: FakeSystem, executable: String? = "/opt/m/bin/mptcpize", override: String? = nil
    ) -> LibraryLocator {
        LibraryLocator(
            executable: executable.map { Bytes($0) }, override: override.map { Bytes($0) },
            on: system)
    }

    private static let native = Products.Architecture.native
    private static let installed = "lib/\(native.multiarch)/mptcpize/libmptcpize.so"

    @Test(
        "beside mptcpize, then where packages install it",
        arguments: [
            ("/opt/m/\(installed)", "/opt/m"), ("/opt/m/bin/libmptcpize-preload.so", nil),
            ("/usr/local/\(installed)", "/usr/local"), ("/usr/\(installed)", "/usr"),
        ] as [(String, String?)])
    func places(path: String, prefix: String?) throws {
        let found = locator(try system([path: Self.native])).library(for: .native)
        #expect(found?.path.text == path)
        #expect(found?.prefix?.text == prefix)
    }

    @Test("the nearest one is taken")
    func order() throws {
        let all = [
            "/opt/m/\(Self.installed)", "/opt/m/bin/libmptcpize-preload.so",
            "/usr/local/\(Self.installed)", "/usr/\(Self.installed)",
        ]
        for first in all.indices {
            let there = Dictionary(uniqueKeysWithValues: all[first...].map { ($0, Self.native) })
            #expect(locator(try system(there)).library(for: .native)?.path.text == all[first])
        }
    }

    @Test("an mptcpize in /bin, and one of unknown place")
    func unusual() throws {
        let root = try system(["/\(Self.installed)": Self.native])
        let found = locator(root, executable: "/bin/mptcpize").library(for: .native)
        #expect(found?.path.text == "/\(Self.installed)")
        #expect(found?.prefix == [])
        let usr = try system(["/usr/\(Self.installed)": Self.native])
        #expect(locator(usr, executable: nil).library(for: .native)?.prefix?.text == "/usr")
    }

    @Test("a file of another architecture, or none at all, is passed over")
    func unfit() throws {
        var system = try system([
            "/opt/m/\(Self.installed)": .i386, "/usr/\(Self.installed)": Self.native,
        ])
        system.files["/usr/local/\(Self.installed)"] = .init(content: Bytes("hello"))
        #expect(locator(system).library(for: .native)?.prefix?.text == "/usr")
    }

    @Test("MPTCPIZE_LIBRARY names a library or a folder, and then nothing else is looked at")
    func override() throws {
        var system = try system([
            "/my/lib.so": Self.native, "/tree/\(Self.installed)": Self.native,
            "/usr/\(Self.installed)": Self.native,
        ])
        system.files["/tree/lib"] = .init(mode: S_IFDIR | 0o755)
        system.files["relative"] = .init(link: "/my/lib.so")
        func found(_ override: String) -> PreloadLibrary? {
            locator(system, override: override).library(for: .native)
        }
        #expect(found("/my/lib.so")?.path.text == "/my/lib.so")
        #expect(found("relative")?.path.text == "/my/lib.so")
        #expect(found("/tree/lib")?.path.text == "/tree/\(Self.installed)")
        #expect(found("/tree/lib")?.prefix?.text == "/tree")
        #expect(found("/none") == nil)
        #expect(found("")?.prefix?.text == "/usr")
    }

    @Test("the failure says where it was looked for, or what is wrong with it")
    func failures() throws {
        let none = locator(FakeSystem([:])).failure(for: .native)
        #expect(none.status == .own)
        for place in [
            "/opt/m/\(Self.installed)", "/opt/m/bin/libmptcpize-preload.so",
            "/usr/local/\(Self.installed)", "/usr/\(Self.installed)",
        ] {
            #expect(none.reason.contains(place))
        }
        let wrong = locator(try system(["/my/lib.so": .i386]), override: "/my/lib.so")
            .failure(for: .native)
        #expect(wrong.object == "/my/lib.so")
        #expect(wrong.reason.hasPrefix("a library for i386 programs"))
        #expect(wrong.remedy.contains("MPTCPIZE_LIBRARY"))
    }
}
