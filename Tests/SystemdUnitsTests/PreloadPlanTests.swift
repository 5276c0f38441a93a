import ConnectionPolicy
import LinuxSystem
import Testing

@testable import SystemdUnits

@Suite("The drop-in of a service")
struct PreloadPlanTests {
    private static let library = ServiceLibrary(
        file: "/usr/lib/x86_64-linux-gnu/mptcpize/libmptcpize.so",
        preload: "/usr/$LIB/mptcpize/libmptcpize.so",
        directories: ["/usr/lib/x86_64-linux-gnu/mptcpize"])
    private static let ours = #"Environment="LD_PRELOAD=/usr/$LIB/mptcpize/libmptcpize.so""#
    private static let go = #"Environment="GODEBUG=multipathtcp=1""#

    private func dropIn(
        _ files: [(String, String)] = [], environmentFiles: [UnitEnvironment.Source] = [],
        manager: [String: String] = [:], passed: [String: String] = [:], properties: String = "",
        shown: UnitEnvironment.Shown? = nil, library: ServiceLibrary = library,
        variables: PreloadVariables = PreloadVariables()
    ) throws -> DropIn {
        try PreloadPlan(
            unit: UnitName("x.service")!, properties: UnitProperties(parsing: properties),
            environment: UnitEnvironment(
                files: files.map {
                    .init(
                        path: $0, bytes: Bytes("[Service]\n\($1)".utf8),
                        isLater: $0 == Self.late)
                },
                environmentFiles: environmentFiles, manager: manager, passed: passed,
                shown: shown),
            library: library, variables: variables
        ).dropIn()
    }

    private static let unit = "/lib/systemd/system/x.service"
    private static let early = "/etc/systemd/system/x.service.d/10-early.conf"
    private static let late = "/etc/systemd/system/x.service.d/override.conf"

    @Test("nothing was set")
    func plain() throws {
        #expect(try dropIn().settings == [Self.ours, Self.go])
        #expect(try dropIn([(Self.unit, "Environment=A=1 B=2")]).settings == [Self.ours, Self.go])
    }

    @Test("what was set stays in front")
    func merging() throws {
        let settings = try dropIn([
            (Self.unit, #"Environment=LD_PRELOAD=/a.so "GODEBUG=http2debug=1""#),
            (Self.early, "Environment=LD_PRELOAD=/b.so"),
        ]).settings
        #expect(
            settings == [
                #"Environment="LD_PRELOAD=/b.so:/usr/$LIB/mptcpize/libmptcpize.so""#,
                #"Environment="GODEBUG=http2debug=1,multipathtcp=1""#,
            ])
    }

    @Test("a reset counts, and specifiers stay systemd's to expand")
    func resetsAndSpecifiers() throws {
        let settings = try dropIn([
            (Self.unit, "Environment=LD_PRELOAD=/a.so\nEnvironment="),
            (Self.early, "Environment=GODEBUG=x=%i"),
        ]).settings
        #expect(settings == [Self.ours, #"Environment="GODEBUG=x=%i,multipathtcp=1""#])
        #expect(
            try dropIn(manager: ["LD_PRELOAD": "/100%/a.so"]).settings.first
                == #"Environment="LD_PRELOAD=/100%%/a.so:/usr/$LIB/mptcpize/libmptcpize.so""#)
    }

    @Test("the user's own decision on Go is left alone")
    func goDecided() throws {
        let settings = try dropIn([(Self.unit, "Environment=GODEBUG=multipathtcp=0")]).settings
        #expect(settings == [Self.ours])
    }

    @Test("the manager's environment, and PassEnvironment= before it")
    func inherited() throws {
        let manager = ["LD_PRELOAD": "/manager.so"]
        #expect(
            try dropIn(manager: manager).settings.first
                == #"Environment="LD_PRELOAD=/manager.so:/usr/$LIB/mptcpize/libmptcpize.so""#)
        #expect(
            try dropIn(
                [(Self.unit, "PassEnvironment=PATH LD_PRELOAD")], manager: manager,
                passed: ["LD_PRELOAD": "/init.so"]
            ).settings.first
                == #"Environment="LD_PRELOAD=/init.so:/usr/$LIB/mptcpize/libmptcpize.so""#)
    }

    @Test("a variable of an EnvironmentFile= is won by a file of ours")
    func environmentFile() throws {
        let result = try dropIn(
            [(Self.unit, "Environment=LD_PRELOAD=/a.so")],
            environmentFiles: [
                .init(path: "/etc/default/x", bytes: Bytes("LD_PRELOAD=/file.so".utf8))
            ])
        #expect(result.settings == [Self.go])
        #expect(
            result.environmentFile
                == [.init("LD_PRELOAD", "/file.so:/usr/$LIB/mptcpize/libmptcpize.so")])
        let text = result.text(undoneBy: "u", in: "/etc/x.service.d", directoriesMade: 1)
        #expect(text.contains("\nEnvironmentFile=/etc/x.service.d/50-mptcpize.env\n"))
    }

    @Test("a file of ours is named literally: systemd takes the name for a pattern")
    func environmentFileName() throws {
        let result = try dropIn([(Self.late, "Environment=LD_PRELOAD=/late.so")])
        let text = result.text(undoneBy: "u", in: #"/etc/a\x2d%.service.d"#, directoriesMade: 1)
        #expect(text.contains(#"EnvironmentFile=/etc/a\\x2d%%.service.d/50-mptcpize.env"#))
    }

    @Test("a later drop-in's variable is won by a file of ours, its reset of files is not")
    func laterDropIn() throws {
        let result = try dropIn([(Self.late, "Environment=LD_PRELOAD=/late.so")])
        #expect(
            result.environmentFile.map(\.value) == ["/late.so:/usr/$LIB/mptcpize/libmptcpize.so"])
        #expect(throws: Failure.self) {
            try dropIn([(Self.late, "Environment=\nEnvironmentFile=\nEnvironmentFile=/x")])
        }
        #expect(throws: Failure.self) {
            try dropIn(
                environmentFiles: [
                    .init(path: "/late", bytes: Bytes("LD_PRELOAD=".utf8), isLater: true)
                ])
        }
        #expect(throws: Failure.self) {
            try dropIn([(Self.late, "Environment=LD_PRELOAD=/late-%i.so")])
        }
    }

    @Test("what any release of systemd reads as set is kept")
    func readings() throws {
        // Before 254, the second line belonged to the comment.
        let file = "# one \\\nLD_PRELOAD=/new.so\n"
        let result = try dropIn(
            [(Self.unit, "Environment=LD_PRELOAD=/a.so")],
            environmentFiles: [.init(path: "/f", bytes: Bytes(file.utf8))])
        #expect(
            result.environmentFile.map(\.value)
                == ["/new.so:/a.so:/usr/$LIB/mptcpize/libmptcpize.so"])
        // Since 251, such a section ends the file.
        let odd = "Environment=LD_PRELOAD=/a.so\n[x\"y]\n[Service]\nEnvironment=LD_PRELOAD=/b.so"
        #expect(
            try dropIn([(Self.unit, odd)]).settings.first
                == #"Environment="LD_PRELOAD=/a.so:/b.so:/usr/$LIB/mptcpize/libmptcpize.so""#)
    }

    @Test("what systemd itself says comes first, and what only the files say is kept too")
    func shown() throws {
        let files = [(Self.unit, "Environment=LD_PRELOAD=/file.so GODEBUG=a=1")]
        #expect(
            try dropIn(files, shown: .init(settings: ["LD_PRELOAD": "/s%.so"], unsets: []))
                .settings == [
                    #"Environment="LD_PRELOAD=/s%%.so:/file.so:/usr/$LIB/mptcpize/libmptcpize.so""#,
                    #"Environment="GODEBUG=a=1,multipathtcp=1""#,
                ])
        let specifier = [(Self.unit, "Environment=LD_PRELOAD=/%n.so")]
        #expect(
            try dropIn(
                specifier, shown: .init(settings: ["LD_PRELOAD": "/x.service.so"], unsets: [])
            ).settings.first
                == #"Environment="LD_PRELOAD=/%n.so:/usr/$LIB/mptcpize/libmptcpize.so""#)
    }

    @Test("UnsetEnvironment= is written anew without our variables")
    func unset() throws {
        let settings = try dropIn([
            (Self.unit, "Environment=LD_PRELOAD=/a.so\nUnsetEnvironment=LD_PRELOAD A \"B=b c\"")
        ]).settings
        #expect(
            settings == [
                Self.ours, Self.go, "UnsetEnvironment=", #"UnsetEnvironment="A" "B=b c""#,
            ])
        #expect(throws: Failure.self) { try dropIn([(Self.late, "UnsetEnvironment=GODEBUG")]) }
        // Only that very value is taken away.
        #expect(
            try dropIn([
                (Self.unit, "Environment=LD_PRELOAD=/a.so\nUnsetEnvironment=LD_PRELOAD=/a.so")
            ]).settings == [Self.ours, Self.go])
    }

    @Test(
        "a sandbox that hides the library or forbids to execute it lets it in",
        arguments: [
            ("NoExecPaths=/\nExecPaths=/usr/bin", "/usr/lib/m", "ExecPaths=/usr/lib/m"),
            ("PrivateTmp=yes", "/tmp/m", "BindReadOnlyPaths=/tmp/m"),
            ("ProtectHome=tmpfs", "/home/a/m", "BindReadOnlyPaths=/home/a/m"),
            ("TemporaryFileSystem=/var:ro /opt", "/opt/m", "BindReadOnlyPaths=/opt/m"),
            (
                "RootImage=/x.raw\nMountAPIVFS=yes\nPrivateIPC=no", "/usr/lib/m",
                "BindReadOnlyPaths=/usr/lib/m:/run/mptcpize"
            ),
            (
                "RootImage=/x.raw\nMountAPIVFS=yes\nPrivateIPC=no\nNoExecPaths=/", "/usr/lib/m",
                "ExecPaths=/run/mptcpize"
            ),
        ])
    func sandbox(_ properties: String, _ directory: String, _ setting: String) throws {
        let library = ServiceLibrary(
            file: "\(directory)/libmptcpize.so", preload: "\(directory)/libmptcpize.so",
            directories: [directory])
        #expect(try dropIn(properties: properties, library: library).settings.last == setting)
        #expect(try dropIn(library: library).settings.count == 2)
    }

    @Test("a service with a root and a /run of its own finds the library in the latter")
    func ownRun() throws {
        let result = try dropIn(
            properties: "RootDirectory=/nonexistent/root\nMountAPIVFS=yes\nPrivateIPC=no")
        #expect(
            result.settings == [
                #"Environment="LD_PRELOAD=/run/mptcpize/libmptcpize.so""#, Self.go,
                "BindReadOnlyPaths=/usr/lib/x86_64-linux-gnu/mptcpize:/run/mptcpize",
            ])
        #expect(result.mountPoints.isEmpty)
    }

    @Test("a service with a root of its own, and nothing else, gets the plain path")
    func ownRoot() throws {
        let result = try dropIn(properties: "RootDirectory=/nonexistent/root")
        #expect(
            result.settings.first == "Environment=\"LD_PRELOAD=\(Self.library.file)\"")
        #expect(
            result.mountPoints == [
                "/nonexistent/root/usr", "/nonexistent/root/usr/lib",
                "/nonexistent/root/usr/lib/x86_64-linux-gnu",
                "/nonexistent/root/usr/lib/x86_64-linux-gnu/mptcpize",
            ])
    }

    @Test(
        "a service that could not load the library, or would be killed, is refused",
        arguments: [
            ("ProtectHome=yes", "/home/a/m"), ("InaccessiblePaths=-/opt", "/opt/m"),
            ("SystemCallFilter=read write socket", "/usr/lib/m"),
            ("SystemCallFilter=~getsockopt", "/usr/lib/m"),
            ("SystemCallFilter=~dup3\nSystemCallErrorNumber=2147483646", "/usr/lib/m"),
            ("RootImage=/x.raw\nMountAPIVFS=no\nPrivateIPC=no", "/usr/lib/m"),
            // systemd 247 mounts no /run.
            ("RootImage=/x.raw\nMountAPIVFS=yes", "/usr/lib/m"),
        ])
    func refused(_ properties: String, _ directory: String) {
        let library = ServiceLibrary(
            file: "\(directory)/l.so", preload: "\(directory)/l.so", directories: [directory])
        #expect(throws: Failure.self) { try dropIn(properties: properties, library: library) }
    }

    @Test("what a filter has to let through is named, as it is to be typed")
    func filters() {
        for (filter, remedy) in [
            ("~fstat dup3:EACCES mount", "`SystemCallFilter=~fstat:EPERM`"),
            (
                ServiceSandbox.calls.filter { !["fstat", "ppoll"].contains($0) }
                    .joined(separator: " ") + " bind:EPERM",
                "`SystemCallFilter=fstat ppoll`"
            ),
        ] {
            let failure = #expect(throws: Failure.self) {
                try dropIn(properties: "SystemCallFilter=\(filter)")
            }
            #expect(failure?.remedy.contains(remedy) == true, "\(failure?.remedy ?? "")")
        }
    }

    @Test("rules are a variable beside the others, and their places are remembered")
    func policy() throws {
        var variables = PreloadVariables()
        variables.policy = "v1;tcp_any_*_*_--rule:1"
        var result = try dropIn(variables: variables)
        #expect(
            result.settings == [
                Self.ours, Self.go, #"Environment="MPTCPIZE_POLICY=v1;tcp_any_*_*_--rule:1""#,
            ])
        var places = PolicyPlaces()
        places.setFiles(Array("/srv/a b%.conf".utf8))
        places.rules = [Array(#"tcp any * * program "x\""#.utf8), Array("tcp any é *".utf8)]
        places.keepsTCP = true
        result.policy = places
        let text = result.text(undoneBy: "mptcpize disable x", in: "/d", directoriesMade: 0)
        let installed = DropIn.Installed(
            path: "/d/50-mptcpize.conf", text: text, environmentText: nil)
        #expect(installed?.policy == places)
        #expect(installed?.isUpToDate(result) == true)
        result.policy = PolicyPlaces()
        #expect(installed?.isUpToDate(result) == false)
    }

    @Test("to keep everything TCP, GODEBUG says so too")
    func keepTCP() throws {
        var variables = PreloadVariables()
        variables.keepsTCP = true
        let plain = try dropIn(variables: variables)
        #expect(plain.settings.contains(#"Environment="GODEBUG=multipathtcp=0""#))
        let own = try dropIn(
            [(Self.unit, "Environment=GODEBUG=multipathtcp=1")], variables: variables)
        #expect(own.settings.contains(#"Environment="GODEBUG=multipathtcp=1,multipathtcp=0""#))
    }

    @Test("a filter that kills for the program's name is refused where a rule asks for it")
    func programName() throws {
        let properties = "SystemCallFilter=~readlinkat"
        var variables = PreloadVariables()
        variables.policy = "v1;tcp_any_*_*_--rule:1"
        #expect(throws: Never.self) { try dropIn(properties: properties, variables: variables) }
        variables.policy = "v1;tcp_any_*_*_--rule:1_curl"
        #expect(throws: Failure.self) { try dropIn(properties: properties, variables: variables) }
    }

    @Test("filters that do no harm")
    func harmless() throws {
        for properties in [
            "SystemCallFilter=read write\nSystemCallErrorNumber=EPERM",
            "SystemCallFilter=~mount reboot", "ProtectHome=yes", "PrivateTmp=yes",
            "SystemCallFilter=~getsockopt:EPERM fstat:EACCES",
            "SystemCallFilter=" + ServiceSandbox.calls.joined(separator: " "),
        ] {
            #expect(try dropIn(properties: properties).settings == [Self.ours, Self.go])
        }
    }
}
