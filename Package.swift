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
        .target(name: "SocketPolicy", dependencies: ["SocketEvents"], cSettings: freestanding),
        .target(name: "SocketEvents", cSettings: freestanding),
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
            name: "BPFProgs",
            // Compiled for bpf by scripts/build-bpf.
            exclude: [
                "mptcpize.bpf.c", "kernel.bpf.h", "remedies.bpf.c", "events.bpf.c",
                "helpers.bpf.h", "socket.bpf.h", "wire.bpf.h",
            ],
            // #embed is C23, which clang before 18 knows by its working title.
            cSettings: [.unsafeFlags(["-std=c2x", "-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "CLibBPF", cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror"])]),
        .target(
            name: "MptcpizeCore",
            dependencies: ["SocketPolicy", "SocketEvents", "CLinux", "BPFProgs", "CLibBPF"]),
        .executableTarget(
            name: "MptcpizeCLI",
            dependencies: [
                "MptcpizeCore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "ReportDriver", dependencies: ["MptcpizeCore"], path: "Tests/ReportDriver"),
        .target(name: "CTestSupport", path: "Tests/CSupport"),
        .target(
            name: "TestSupport", dependencies: ["CTestSupport", "SocketPolicy"],
            path: "Tests/Support"),
        .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"]),
        .testTarget(name: "NetworkTests", dependencies: ["TestSupport"]),
        .target(name: "OptionHeaders", path: "Tests/OptionHeaders"),
        .testTarget(
            name: "SocketPolicyTests",
            dependencies: ["OptionHeaders", "SocketEvents", "SocketPolicy"]),
        .testTarget(
            name: "PreloadTests", dependencies: ["SocketEvents", "SocketPolicy", "TestSupport"]),
        .testTarget(name: "SystemdTests", dependencies: ["TestSupport"]),
        .testTarget(name: "PackageTests", dependencies: ["TestSupport"]),
        .testTarget(name: "ProgramTests", dependencies: ["TestSupport"]),
        .testTarget(name: "KernelTests", dependencies: ["SocketPolicy", "TestSupport"]),
        .testTarget(name: "MptcpizeCLITests", dependencies: ["MptcpizeCLI", "TestSupport"]),
        .testTarget(
            name: "MptcpizeCoreTests",
            dependencies: ["MptcpizeCore", "SocketEvents", "TestSupport", "ReportDriver"]),
    ],
    swiftLanguageModes: [.v6]
)
