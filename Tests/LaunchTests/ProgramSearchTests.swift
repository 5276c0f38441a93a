import Foundation
import LinuxSystem
import Testing

@testable import Launch

/// The cases of execvp(3) in glibc's posix/execvpe.c. That the real one agrees is tested
/// with real files, against env(1), in MptcpizeCLITests.
@Suite("Search for a program")
struct ProgramSearchTests {
    /// Searches where every place answers as given, others with ENOENT; tells the
    /// places tried too.
    private func search(
        _ name: String, path: String?, _ answers: [String: Int32] = [:]
    ) -> (found: Result<String, Unrunnable>, tried: [String]) {
        var tried: [String] = []
        do throws(Unrunnable) {
            let found = try ProgramSearch.find(Bytes(name), path: path.map { Bytes($0) }) {
                (place) throws(Unrunnable) in
                tried.append(place.text)
                let answer = answers[place.text] ?? ENOENT
                if answer != 0 { throw Unrunnable(answer) }
                return place.text
            }
            return (.success(found), tried)
        } catch {
            return (.failure(error), tried)
        }
    }

    private func error(_ result: Result<String, Unrunnable>) -> Int32? {
        if case .failure(let error) = result { error.errno.rawValue } else { nil }
    }

    @Test("a name with a slash is taken as it is, whatever PATH says")
    func slash() {
        for name in ["/x/y", "./y", "x/y", "y/"] {
            #expect(search(name, path: "/a:/b").tried == [name])
        }
    }

    @Test("PATH is searched in order, up to the first that works")
    func order() throws {
        let result = search("x", path: "/a:/b:/c", ["/b/x": 0, "/c/x": 0])
        #expect(try result.found.get() == "/b/x")
        #expect(result.tried == ["/a/x", "/b/x"])
    }

    @Test("empty elements are the working directory", arguments: [":/a", "/a:", "/a::/b"])
    func emptyElement(path: String) throws {
        #expect(try search("x", path: path, ["x": 0]).found.get() == "x")
    }

    @Test("an empty PATH is the working directory, an unset one /bin and /usr/bin")
    func unset() {
        #expect(search("x", path: "").tried == ["x"])
        #expect(search("x", path: nil).tried == ["/bin/x", "/usr/bin/x"])
    }

    @Test("EACCES is remembered and the search goes on", arguments: [EACCES, EISDIR])
    func remembered(refusal: Int32) throws {
        let later = search("x", path: "/a:/b", ["/a/x": refusal, "/b/x": 0])
        #expect(try later.found.get() == "/b/x")
        let never = search("x", path: "/a:/b:/c", ["/a/x": refusal, "/c/x": ENOTDIR])
        #expect(error(never.found) == refusal)
    }

    @Test(
        "what may be found elsewhere is passed over",
        arguments: [ENOENT, ENOTDIR, ESTALE, ENODEV, ETIMEDOUT])
    func passedOver(refusal: Int32) throws {
        #expect(try search("x", path: "/a:/b", ["/a/x": refusal, "/b/x": 0]).found.get() == "/b/x")
        #expect(error(search("x", path: "/a", ["/a/x": refusal]).found) == ENOENT)
    }

    @Test("any other error ends the search", arguments: [ELOOP, EIO, ENAMETOOLONG, ETXTBSY])
    func fatal(refusal: Int32) {
        let result = search("x", path: "/a:/b", ["/a/x": refusal, "/b/x": 0])
        #expect(error(result.found) == refusal)
    }

    @Test("an empty name is not found, a too long one neither searched for")
    func lengths() {
        #expect(error(search("", path: "/a").found) == ENOENT)
        let long = String(repeating: "x", count: 256)
        #expect(error(search(long, path: "/a").found) == ENAMETOOLONG)
        #expect(search(long, path: "/a").tried == [])
        let element = "/" + String(repeating: "y", count: 5000)
        #expect(search("x", path: "\(element):/b").tried == ["/b/x"])
    }

    @Test("bytes that are no UTF-8 stay what they are")
    func bytes() throws {
        let name: Bytes = [0xFF, 0x20, 0x0A, 0xC3]
        let found = try ProgramSearch.find(name, path: [0x2F, 0xFE]) {
            (place) throws(Unrunnable) in place
        }
        #expect(found == [0x2F, 0xFE, 0x2F] + name)
    }
}
