import TestSupport
import Testing

extension Requirement {
    fileprivate static let guests = Requirement("root and virtual machines") {
        Requirement.root.isMet() && Requirement.virtualMachines.isMet()
    }
}

/// Services that AppArmor confines, on a kernel that has it: this machine's may lack it.
@Suite("Services under AppArmor", .requires(.guests))
struct AppArmorTests {
    /// Profiles that differ in nothing but the preload library.
    private static let profiles = """
        rules() {
            echo 'network, capability, signal, ptrace, unix, / r,'
            echo '/usr/bin/socat mrix, /usr/local/bin/* mrix,'
            echo '/{usr/,}lib/** mr, /{usr/,}lib64/** mr, /etc/** r, /proc/** r, /dev/** rw,'
        }
        {
            echo 'profile refusing flags=(attach_disconnected) {'; rules; echo '}'
            echo 'profile by-pattern /usr/local/bin/{by,}pattern {'; rules; echo '}'
            echo '/usr/local/bin/bypath {'; rules; echo '}'
            echo 'profile complaining flags=(complain) {'; rules; echo '}'
            echo 'profile allowing {'; rules; echo '/usr/local/lib/** mr, }'
            echo '/usr/local/bin/allowed {'; rules; echo '/usr/local/lib/** mr, }'
        } >/tmp/profiles

        """

    @Test("what a profile forbids is refused, what it allows works, and so does the remedy")
    func confined() throws {
        let outcome = try ServiceGuest().run(
            Self.profiles + """
                apparmor_parser --replace --skip-cache /tmp/profiles || exit 1
                for name in pattern bypath allowed; do
                    cp /usr/bin/socat /usr/local/bin/$name; done
                # unit NAME PROGRAM [PROFILE]
                unit() {
                    printf '[Service]\\nExecStart=%s TCP-LISTEN:8000,fork,reuseaddr PIPE\\n%s\\n' \
                        "$2" "${3:+AppArmorProfile=$3}" >/etc/systemd/system/$1.service
                }
                unit asked /usr/bin/socat refusing
                unit optional /usr/bin/socat -refusing
                unit pattern /usr/local/bin/pattern
                unit path bypath
                unit allowing /usr/bin/socat allowing
                unit allowed /usr/local/bin/allowed
                unit complaining /usr/bin/socat complaining
                unit missing /usr/bin/socat -missing
                systemctl daemon-reload
                for unit in asked optional pattern path allowing allowed complaining missing; do
                    systemctl start $unit
                    echo "$unit before: $(python3 /t/talk.py 8000 x)"
                    label=$(cat /proc/$(systemctl show -P MainPID $unit)/attr/current)
                    mptcpize enable --now $unit >/tmp/said 2>&1
                    echo "$unit status: $? $label"
                    sed "s/^/$unit said: /" /tmp/said
                    echo "$unit after: $(python3 /t/talk.py 8000 x)"
                    systemctl stop $unit
                done
                ls -d /etc/systemd/system/*.service.d
                # That it is refused for a reason:
                systemd-run --quiet --pipe --wait -p AppArmorProfile=refusing \
                    -E LD_PRELOAD=/usr/local/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so \
                    /usr/bin/socat -V 2>&1 | grep ERROR
                sed -i 's:^network,:/usr/local/lib/** mr, network,:' /tmp/profiles
                apparmor_parser --replace --skip-cache /tmp/profiles
                systemctl start pattern; mptcpize enable --now pattern >/dev/null
                echo "remedied: $? $(python3 /t/talk.py 8000 x)"
                """, kernel: "6.12", parameters: "apparmor=1 security=apparmor")
        let text = outcome.output
        for (unit, label) in [
            ("asked", "refusing"), ("optional", "refusing"), ("pattern", "by-pattern"),
            ("path", "/usr/local/bin/bypath"),
        ] {
            #expect(text.contains("\(unit) before: x tcp\n"), "\(outcome)")
            #expect(text.contains("\(unit) status: 1 \(label) (enforce)\n"), "\(outcome)")
            #expect(
                text.contains(
                    "\(unit) said: mptcpize: \(unit).service: AppArmor confines it "
                        + "(profile \(label)), and does not let it load /usr/local/lib/"),
                "\(outcome)")
            #expect(text.contains("libmptcpize.so mr,` to the profile"), "\(outcome)")
            #expect(text.contains("\(unit) after: x tcp\n"), "\(outcome)")
            #expect(!text.contains("/\(unit).service.d"), "\(outcome)")
        }
        for (unit, label) in [
            ("allowing", "allowing (enforce)"), ("allowed", "/usr/local/bin/allowed (enforce)"),
            ("complaining", "complaining (complain)"), ("missing", "unconfined"),
        ] {
            #expect(text.contains("\(unit) before: x tcp\n"), "\(outcome)")
            #expect(text.contains("\(unit) status: 0 \(label)\n"), "\(outcome)")
            #expect(text.contains("\(unit) after: x mptcp\n"), "\(outcome)")
            #expect(text.contains("/\(unit).service.d"), "\(outcome)")
        }
        #expect(text.contains("libmptcpize.so' from LD_PRELOAD cannot be preloaded"), "\(outcome)")
        #expect(text.contains("remedied: 0 x mptcp\n"), "\(outcome)")
    }
}
