import Testing

@testable import BPFMode

@Suite("The state of a container")
struct OCIStateTests {
    private func request(_ text: String) -> OCIState.Request? {
        OCIState(parsing: Array(text.utf8))?.request
    }

    private func state(
        _ status: String = "created", pid: String = "42",
        annotations: String = #"{"mptcpize":"on"}"#
    ) -> String {
        """
        {"ociVersion":"1.0","id":"c0ffee","pid":\(pid),"status":"\(status)","bundle":"/b",\
        "annotations":\(annotations),"owner":""}
        """
    }

    @Test("what the annotation says is done")
    func annotation() {
        #expect(request(state()) == .attach(42))
        #expect(request(state("creating")) == .attach(42))
        #expect(request(state(annotations: #"{"mptcpize":"off"}"#)) == .nothing)
        // Whoever had the hook called means it; not all engines pass annotations on.
        #expect(request(state(annotations: "{}")) == .attach(42))
        #expect(request(state(annotations: "null")) == .attach(42))
        for value in ["true", "ON", "", "on ", "1"] {
            guard
                case .refuse(let reason) = request(
                    state(annotations: "{\"mptcpize\":\"\(value)\"}"))
            else {
                Issue.record("\(value)")
                continue
            }
            #expect(reason.contains("mptcpize=\(value) is neither on nor off"))
        }
    }

    @Test("a container that has ended is dropped, whatever else is said")
    func ended() {
        #expect(request(state("stopped")) == .drop)
        #expect(request(state("stopped", pid: "0", annotations: #"{"mptcpize":"off"}"#)) == .drop)
        #expect(request(#"{"id":"c0ffee","status":"stopped"}"#) == .drop)
    }

    @Test(
        "no process: nothing can be attached",
        arguments: ["0", "1", "-1", "null", "\"42\"", "4294967338", "1.5"])
    func process(_ pid: String) {
        guard case .refuse = request(state(pid: pid)) else {
            Issue.record("\(pid)")
            return
        }
    }

    @Test(
        "what is no state",
        arguments: [
            "", "on", "[]", "{}", "null", #"{"id":"","status":"created"}"#, #"{"id":"a"}"#,
            #"{"status":"created","pid":1}"#, #"{"id":7,"status":"created","pid":1}"#,
        ])
    func garbage(_ text: String) { #expect(OCIState(parsing: Array(text.utf8)) == nil) }
}
