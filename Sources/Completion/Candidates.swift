import Glibc
import LinuxSystem
import Processes

/// Names of what is on this machine now, which a shell's completion offers.
///
/// Others choose the names of cgroups, processes and files, and shells interpret what they are
/// offered: bash expands it, including command substitutions (`compgen -W`); zsh ends a word at a
/// colon, fish at a tab. Names with such characters are not offered.
package enum Candidates {
    /// Whether no shell sees more in a name than the name.
    package static func isPlain(_ name: String) -> Bool {
        name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "._-+@/,%".utf8.contains(byte)
            }
        }
    }

    /// The directories of all cgroups, each before those in it.
    package static func cgroups() throws(Failure) -> [String] {
        var result: [String] = []
        func add(_ directory: String) {
            result.append(directory)
            for name in directoryEntries(directory) where isPlain(name) {
                let path = directory + "/" + name
                // Of a cgroup's entries only other cgroups are directories.
                if kind(path) == S_IFDIR { add(path) }
            }
        }
        add(try CgroupHierarchy().mountPoint)
        return result
    }

    /// The numbers of all processes, the newest first.
    package static func processes() -> [String] { processNumbers().map { "\($0)" } }

    /// The names of the programs that run, as /proc/PID/comm has them.
    package static func runningPrograms() -> [String] {
        let names = processNumbers().compactMap { pid in
            (try? lines(ofFile: "/proc/\(pid)/comm"))?.first
        }
        return Set(names.filter(isPlain)).sorted()
    }

    /// The names that `ip netns` gave to network namespaces.
    package static func networkNamespaces() -> [String] {
        directoryEntries(NetworkNamespace.namesDirectory).filter(isPlain)
    }

    /// The programs in the directories of PATH; where the word has a slash, those in the
    /// directory that it names, with the directories that may lead to more.
    ///
    /// - Parameter word: What has been typed of the name.
    package static func programs(_ word: String, searchPath: String) -> [String] {
        guard let slash = word.lastIndex(of: "/") else {
            let directories = searchPath.split(separator: ":").map { $0 + "/" }
            return Set(
                directories.flatMap { directory in
                    directoryEntries(String(directory)).filter {
                        isPlain($0) && isProgram(directory + $0)
                    }
                }
            ).sorted()
        }
        let directory = String(word[...slash])
        return directoryEntries(directory).filter(isPlain).compactMap { name in
            let path = directory + name
            if kind(path) == S_IFDIR { return path + "/" }
            return isProgram(path) ? path : nil
        }
    }

    private static func isProgram(_ path: String) -> Bool {
        kind(path) == S_IFREG && access(path, X_OK) == 0
    }

    /// The file type bits of what a path leads to; nil where it leads nowhere.
    private static func kind(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
