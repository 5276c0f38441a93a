// swift-tools-version: 6.1
import PackageDescription

// The marks without which the preload library would take programs their shadow stacks.
#if arch(x86_64)
    let protection = "-fcf-protection=return"
#else
    let protection = "-mbranch-protection=standard"
#endif

// The interposer is loaded into arbitrary processes, of any C library, so its C
// may rely on no library function, and no compiler may insert a call to one.
// `make` builds the same sources with clang for every architecture; see
// scripts/build-interposer.
let freestanding: [CSetting] = [
    .unsafeFlags([
        protection,
        "-std=c11", "-ffreestanding", "-fno-builtin", "-fno-stack-protector",
        "-fvisibility=hidden", "-fPIC", "-fno-plt", "-fasynchronous-unwind-tables", "-O2",
        "-Wall", "-Wextra", "-Werror",
    ])
]

let package = Package(
    name: "mptcpize",
    products: [
        .executable(name: "mptcpize", targets: ["MptcpizeCLI"]),
        // Not named "mptcpize" like the executable: SwiftPM then silently links only one.
        .library(name: "mptcpize-preload", type: .dynamic, targets: ["Interposer"]),
    ],
    dependencies: [
        // The command line: parsing, help, completions from one definition.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        // C, below everything: what the preload library, the BPF programs and Swift share.
        .target(name: "SocketEvents", cSettings: freestanding),
        .target(name: "SocketPolicy", dependencies: ["SocketEvents"], cSettings: freestanding),
        .target(
            name: "Interposer",
            dependencies: ["SocketPolicy", "SocketEvents"],
            cSettings: freestanding,
            // Without these, swiftc links libswiftCore and libc into the preload
            // library, which then loads into programs of this very glibc only.
            linkerSettings: [
                .unsafeFlags([
                    "-enable-experimental-feature", "Embedded", "-nostartfiles",
                    "-Xclang-linker", "-nostdlib", "-Xclang-linker", "-nodefaultlibs",
                    "-Xlinker", "-z", "-Xlinker", "now",
                    // The default, gold, exports _end, _edata and __bss_start, and
                    // programs that read theirs would read the library's.
                    "-use-ld=lld",
                ])
            ]),
        .target(name: "CLinux", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "SeccompSupervisor", dependencies: ["CLinux", "SocketEvents", "SocketPolicy"],
            cSettings: [.unsafeFlags(["-Os", "-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "BPFProgs",
            // Compiled for bpf by scripts/build-bpf.
            exclude: [
                "mptcpize.bpf.c", "kernel.bpf.h", "remedies.bpf.c", "events.bpf.c",
                "helpers.bpf.h", "socket.bpf.h", "wire.bpf.h",
            ],
            // #embed is C23, which clang before 18 knows by its working title.
            cSettings: [.unsafeFlags(["-std=c2x", "-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "CLibBPF",
            // Compiled by scripts/tarball, which links libbpf.
            exclude: ["linked.c"],
            cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),

        // The ground: the system, what is shown to people and programs, and what all say of
        // sockets.
        .target(name: "LinuxSystem", dependencies: ["CLinux"]),
        .target(name: "TextOutput"),
        .target(
            name: "SocketValues", dependencies: ["LinuxSystem", "SocketEvents", "SocketPolicy"]),

        // What the kernel tells: processes with their cgroups and namespaces, sockets and
        // paths, what it takes of MPTCP, records of what becomes of sockets.
        .target(name: "Processes", dependencies: ["CLinux", "LinuxSystem"]),
        .target(
            name: "Netlink",
            dependencies: ["CLinux", "LinuxSystem", "SocketEvents", "SocketValues"]),
        .target(
            name: "KernelProbe",
            dependencies: ["CLinux", "LinuxSystem", "SocketPolicy", "SocketValues"]),
        .target(
            name: "SocketRecords",
            dependencies: ["CLinux", "LinuxSystem", "SocketEvents", "SocketValues"]),

        // Which connections stay TCP.
        .target(
            name: "ConnectionPolicy",
            dependencies: ["LinuxSystem", "Processes", "SocketPolicy", "TextOutput"]),

        // The ways into a program: its environment, its cgroup, and a filter that it carries.
        .target(
            name: "Launch",
            dependencies: ["CLinux", "LinuxSystem", "SocketEvents", "SocketPolicy"]),
        .target(
            name: "RunInput",
            dependencies: ["CLinux", "ConnectionPolicy", "Launch", "LinuxSystem"]),
        .target(
            name: "BPFMode",
            dependencies: [
                "BPFProgs", "CLibBPF", "CLinux", "ConnectionPolicy", "KernelProbe", "LinuxSystem",
                "Processes", "SocketEvents", "SocketPolicy", "SocketRecords", "TextOutput",
            ]),
        .target(
            name: "SeccompMode",
            dependencies: [
                "CLinux", "KernelProbe", "LinuxSystem", "SeccompSupervisor",
            ]),

        // Watching one program: what became of its sockets.
        .target(
            name: "Reporting",
            dependencies: [
                "ConnectionPolicy", "LinuxSystem", "SocketRecords", "SocketValues", "TextOutput",
            ]),
        .target(
            name: "RunHistory",
            dependencies: ["CLinux", "Launch", "LinuxSystem", "Reporting", "SocketValues"]),
        .target(
            name: "Supervision",
            dependencies: [
                "CLinux", "ConnectionPolicy", "Launch", "LinuxSystem", "Processes", "Reporting",
                "RunHistory", "RunInput", "SeccompMode", "SeccompSupervisor",
                "SocketEvents", "SocketPolicy", "SocketRecords", "SocketValues", "TextOutput",
            ],
            // Here and below: what waits for something nearly always need not be large.
            swiftSettings: [.unsafeFlags(["-Osize"], .when(configuration: .release))]),

        // Looking at the whole machine: its sockets, its services, what is wrong with it.
        .target(
            name: "SocketInspection",
            dependencies: [
                "BPFMode", "CLinux", "ConnectionPolicy", "Launch", "LinuxSystem", "Netlink",
                "Processes", "SocketValues", "TextOutput",
            ]),
        .target(
            name: "SystemdUnits",
            dependencies: [
                "BPFMode", "CLinux", "ConnectionPolicy", "Launch", "LinuxSystem", "Processes",
                "SocketEvents", "SocketPolicy",
            ]),
        .target(
            name: "ServiceStatus",
            dependencies: [
                "BPFMode", "CLinux", "ConnectionPolicy", "Launch", "LinuxSystem", "Processes",
                "SocketInspection", "SocketPolicy", "SystemdUnits", "TextOutput",
            ],
            swiftSettings: [.unsafeFlags(["-Osize"], .when(configuration: .release))]),
        .target(
            name: "ServiceControl",
            dependencies: [
                "BPFMode", "ConnectionPolicy", "Launch", "LinuxSystem", "Processes",
                "ServiceStatus", "SystemdUnits",
                "TextOutput",
            ],
            swiftSettings: [.unsafeFlags(["-Osize"], .when(configuration: .release))]),
        .target(
            name: "Diagnosis",
            dependencies: [
                "BPFMode", "CLinux", "KernelProbe", "Launch", "LinuxSystem", "Netlink",
                "Processes", "RunHistory", "ServiceStatus", "SocketInspection", "SocketPolicy",
                "SocketValues", "SystemdUnits", "TextOutput",
            ],
            swiftSettings: [.unsafeFlags(["-Osize"], .when(configuration: .release))]),

        // All of it in numbers, for those who collect them.
        .target(
            name: "Metrics",
            dependencies: [
                "BPFMode", "CLinux", "ConnectionPolicy", "Diagnosis", "Launch", "LinuxSystem",
                "Netlink", "Processes", "ServiceStatus", "SocketInspection", "SocketValues",
                "SystemdUnits",
            ],
            swiftSettings: [.unsafeFlags(["-Osize"], .when(configuration: .release))]),

        // The command.
        .target(name: "Completion", dependencies: ["LinuxSystem", "Processes"]),
        .executableTarget(
            name: "MptcpizeCLI",
            dependencies: [
                "BPFMode", "Completion", "ConnectionPolicy", "Diagnosis", "KernelProbe",
                "Launch", "LinuxSystem", "Metrics", "Processes", "RunInput",
                "SeccompMode", "ServiceControl", "ServiceStatus", "SocketInspection",
                "Supervision", "SystemdUnits", "TextOutput",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        // What is installed in its place: starts programs, and becomes the command for all else.
        // Compiled by scripts/build-start, which has its Glibc; here only for the compiler to see.
        .executableTarget(
            name: "MptcpizeStart",
            dependencies: ["Launch", "LinuxSystem", "RunInput", "Supervision"],
            exclude: ["Glibc"]),

        // Tests: what they share, then a target for each module, then one for each tier.
        .executableTarget(
            name: "ReportDriver", dependencies: ["Launch", "LinuxSystem", "Supervision"],
            path: "Tests/ReportDriver"),
        .target(name: "CTestSupport", path: "Tests/CSupport"),
        .target(
            name: "TestSupport", dependencies: ["CTestSupport", "SocketPolicy"],
            path: "Tests/Support"),
        .target(
            name: "Recordings",
            dependencies: ["LinuxSystem", "Netlink", "SocketEvents", "TestSupport"],
            path: "Tests/Recordings"),
        .target(name: "OptionHeaders", path: "Tests/OptionHeaders"),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"]),
        .testTarget(
            name: "SocketPolicyTests",
            dependencies: ["OptionHeaders", "SocketEvents", "SocketPolicy", "TestSupport"]),
        .testTarget(
            name: "ConnectionPolicyTests",
            dependencies: ["ConnectionPolicy", "LinuxSystem", "TestSupport"]),
        .testTarget(name: "LinuxSystemTests", dependencies: ["LinuxSystem", "TestSupport"]),
        .testTarget(name: "ProcessesTests", dependencies: ["Processes"]),
        .testTarget(name: "TextOutputTests", dependencies: ["TextOutput"]),
        .testTarget(
            name: "NetlinkTests",
            dependencies: ["LinuxSystem", "Netlink", "Recordings", "SocketValues", "TestSupport"]),
        .testTarget(name: "KernelProbeTests", dependencies: ["KernelProbe", "TestSupport"]),
        .testTarget(
            name: "SocketRecordsTests",
            dependencies: [
                "LinuxSystem", "Recordings", "SocketEvents", "SocketRecords", "TestSupport",
            ]),
        .testTarget(name: "LaunchTests", dependencies: ["Launch", "LinuxSystem", "TestSupport"]),
        .testTarget(
            name: "BPFModeTests",
            dependencies: ["BPFMode", "BPFProgs", "LinuxSystem", "TestSupport"]),
        .testTarget(name: "SeccompModeTests", dependencies: ["TestSupport"]),
        .testTarget(
            name: "ReportingTests",
            dependencies: [
                "ConnectionPolicy", "LinuxSystem", "Recordings", "Reporting", "SocketEvents",
                "SocketRecords",
                "SocketValues", "TestSupport", "TextOutput",
            ]),
        .testTarget(
            name: "RunHistoryTests",
            dependencies: ["LinuxSystem", "RunHistory", "TestSupport"]),
        .testTarget(name: "SupervisionTests", dependencies: ["ReportDriver", "TestSupport"]),
        .testTarget(
            name: "SocketInspectionTests",
            dependencies: [
                "Processes", "Recordings", "SocketInspection", "SocketValues", "TestSupport",
                "TextOutput",
            ]),
        .testTarget(
            name: "SystemdUnitsTests",
            dependencies: ["ConnectionPolicy", "LinuxSystem", "SystemdUnits", "TestSupport"]),
        .testTarget(
            name: "ServiceStatusTests",
            dependencies: ["Launch", "LinuxSystem", "ServiceStatus", "SystemdUnits"]),
        .testTarget(name: "DiagnosisTests", dependencies: ["Diagnosis"]),
        .testTarget(name: "CompletionTests", dependencies: ["Completion", "TestSupport"]),
        .testTarget(
            name: "MptcpizeCLITests",
            dependencies: ["LinuxSystem", "MptcpizeCLI", "RunInput", "TestSupport"]),
        .testTarget(
            name: "PreloadTests", dependencies: ["SocketEvents", "SocketPolicy", "TestSupport"]),
        .testTarget(name: "ProgramTests", dependencies: ["TestSupport"]),
        .testTarget(name: "NetworkTests", dependencies: ["TestSupport"]),
        .testTarget(
            name: "SystemdTests", dependencies: ["LinuxSystem", "SystemdUnits", "TestSupport"]),
        .testTarget(name: "KernelTests", dependencies: ["SocketPolicy", "TestSupport"]),
        .testTarget(name: "PackageTests", dependencies: ["TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
