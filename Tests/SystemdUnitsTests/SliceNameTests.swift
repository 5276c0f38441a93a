import Testing

@testable import SystemdUnits

@Suite("Names of slices")
struct SliceNameTests {
    @Test("slices lie in each other as their names say")
    func slices() {
        #expect(SliceName("machine.slice")?.path == "/machine.slice")
        #expect(SliceName("user-1000.slice")?.path == "/user.slice/user-1000.slice")
        #expect(
            SliceName("a-b-c.slice")?.path == "/a.slice/a-b.slice/a-b-c.slice")
        #expect(SliceName("-.slice")?.path == "")
        for name in [
            "", ".slice", "a", "a-.slice", "-a.slice", "a--b.slice", "a.service", "../a.slice",
            "a@b.slice",
        ] {
            #expect(SliceName(name) == nil, "\(name)")
        }
    }
}
