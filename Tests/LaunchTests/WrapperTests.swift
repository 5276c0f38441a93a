import LinuxSystem
import Testing

@testable import Launch

@Suite("Programs that start another one past the preload library")
struct WrapperTests {
    private func effect(_ line: String) -> Wrapper.Effect? {
        Wrapper(line.split(separator: " ").map { Bytes($0.utf8) })?.effect
    }

    @Test("are known by name and arguments")
    func known() {
        for line in [
            "sudo curl x", "/usr/bin/sudo -u nobody curl", "doas curl", "pkexec curl", "su -",
            "su - alice", "su -l alice -c id", "su --login alice", "runuser -l alice",
            "env -i curl",
            "env - curl", "env -u LD_PRELOAD curl", "env --unset=LD_PRELOAD curl",
            "env LD_PRELOAD= curl", "setpriv --reset-env curl",
        ] { #expect(effect(line) == .clearsEnvironment, "\(line)") }
        for line in ["systemd-run curl", "systemd-run --scope curl", "run0 curl"] {
            #expect(effect(line) == .startsElsewhere, "\(line)")
        }
        for line in ["qemu-aarch64 ./a", "qemu-arm-static ./a", "/usr/bin/qemu-riscv64 ./a"] {
            #expect(effect(line) == .emulates, "\(line)")
        }
    }

    @Test("and so are those that pass it on")
    func passing() {
        for line in [
            "curl sudo", "sudo --version", "sudo", "sudo LD_PRELOAD=/x.so curl",
            "sudo --preserve-env=LD_PRELOAD curl", "su alice -c curl", "su alice -c tail",
            "runuser -u alice -- curl -l", "env curl -i", "env A=1 curl", "env -u A curl",
            "setpriv --reuid 1 curl", "systemd-run --version", "nice curl",
            "qemu-system-x86_64 -m 1", "qemu-img create x",
        ] { #expect(effect(line) == nil, "\(line)") }
    }

    @Test("qemu-user keeps LD_PRELOAD to itself")
    func emulator() {
        func unset(_ before: String?) -> String? {
            var environment = LaunchEnvironment(
                before.map { [Bytes("QEMU_UNSET_ENV=\($0)".utf8)] } ?? [])
            environment.hidePreloadFromGuest()
            return environment.value(of: "QEMU_UNSET_ENV")?.text
        }
        #expect(unset(nil) == "LD_PRELOAD")
        #expect(unset("A,B") == "A,B,LD_PRELOAD")
        #expect(unset("LD_PRELOAD,A") == "LD_PRELOAD,A")
    }
}
