import TestSupport
import Testing

/// The mode seccomp from Linux 5.10 on, where descriptors are handed in without the answer (before
/// 5.14), to the newest kernel.
@Suite(
    "The mode seccomp on every kernel", .serialized, .requires(.virtualMachines),
    .requires(.flavour(.musl)))
struct SeccompOnKernelsTests {
    static let script = """
        echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd
        seccomp() { mptcpize run --mode seccomp "$@"; }
        as_nobody() { su -s /bin/sh nobody -c "mptcpize run --mode seccomp raw_socket"; }
        many() { seccomp sh -c 'for i in 1 2 3 4 5 6 7 8 9; do musl-raw_socket & done; wait'; }
        mended() {
            socket_remedies ignored >/tmp/plain; seccomp socket_remedies ignored >/tmp/supervised
            status=$?
            diff /tmp/plain /tmp/supervised | grep '^[-+][^-+]'
            echo "lines $(wc -l </tmp/plain) status $status"
        }
        calm() {
            stalls options >/tmp/plain; seccomp stalls options >/tmp/supervised
            status=$?
            diff /tmp/plain /tmp/supervised | grep '^[-+][^-+]'
            echo "lines $(wc -l </tmp/plain) status $status"
        }
        reported() {
            seccomp --json -o /tmp/report musl-raw_socket >/dev/null && cat /tmp/report
        }
        step 'seccomp root' seccomp musl-raw_socket
        step 'seccomp nobody' as_nobody
        step 'seccomp many' many
        step 'seccomp ignored' mended
        step 'seccomp stalls' calm
        step 'seccomp report' reported
        """

    private static let kernels = [Guest.withoutMPTCP] + Guest.withMPTCP

    @Test("reaches a program, by whomever it is started", arguments: kernels)
    func reach(kernel: String) throws {
        let guest = try Guest.booted(kernel)
        let found = kernel == Guest.withoutMPTCP ? "6" : "262"
        #expect(try guest.step("seccomp root").output.hasPrefix("\(found) uid 0 euid 0\n"))
        #expect(try guest.step("seccomp nobody").output.hasPrefix("\(found) uid 65534 "))
        let many = try guest.step("seccomp many")
        #expect(many.output.split(separator: "\n").allSatisfy { $0.hasPrefix(found) }, "\(many)")
        #expect(many.output.split(separator: "\n").count == 9 && many.status == 0, "\(many)")
    }

    @Test("mends options, and tells of sockets", arguments: kernels)
    func options(kernel: String) throws {
        let guest = try Guest.booted(kernel)
        let mended = try guest.step("seccomp ignored")
        #expect(mended.output.hasPrefix("lines "), "\(mended)")
        #expect(mended.output.contains("status 0"), "\(mended)")
        // What is kept (on 6.1 TCP_NOTSENT_LOWAT), accepted sockets do not inherit.
        let calm = try guest.step("seccomp stalls").output.split(separator: "\n")
        #expect(calm.last == "lines 24 status 0", "\(calm)")
        let changed = calm.dropLast()
        #expect(
            changed.isEmpty || kernel == "6.1" && changed.allSatisfy { $0.contains("server: ") },
            "\(changed)")
        let report = try guest.report("seccomp report")
        #expect(report.sockets.count == 1 && report.sockets[0].wire != "unknown")
    }
}
