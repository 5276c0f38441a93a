import Glibc
import LinuxSystem
import Testing

@testable import BPFMode

@Suite("Refusals of the BPF mode")
struct BPFRefusalTests {
    @Test("in a sentence that names the mode, its name is left out and other objects are not")
    func reason() {
        #expect(
            BPFRefusal.reason(BPFRefusal.loading(Errno(rawValue: EPERM)))
                == "the kernel refuses to attach the program (EPERM)")
        #expect(BPFRefusal.reason(Failure(.own, "/c", "is read-only")) == "/c: is read-only")
    }
}
