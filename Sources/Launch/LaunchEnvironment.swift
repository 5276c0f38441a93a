import LinuxSystem
import SocketEvents

/// The environment that a program is started with: its caller's, plus the
/// variables that make its sockets MPTCP.
package struct LaunchEnvironment {
    private(set) var entries: [Bytes]

    package init(_ entries: [Bytes]) { self.entries = entries }

    /// The variable's value. Of several entries the last counts, as for both loaders.
    package func value(of name: String) -> Bytes? {
        let prefix = Bytes("\(name)=".utf8)
        return entries.last { $0.starts(with: prefix) }.map { Bytes($0.dropFirst(prefix.count)) }
    }

    /// Sets the variable in its first place, or takes all its entries out for nil.
    mutating func set(_ name: String, _ value: Bytes?) {
        let prefix = Bytes("\(name)=".utf8)
        let place = entries.firstIndex { $0.starts(with: prefix) }
        guard let place else {
            if let value { entries.append(prefix + value) }
            return
        }
        entries.removeAll { $0.starts(with: prefix) }
        if let value { entries.insert(prefix + value, at: place) }
    }

    /// Puts our library behind what is preloaded already; nil takes it out.
    package mutating func preload(_ library: Bytes?) {
        let old = value(of: "LD_PRELOAD")
        let new = PreloadList(old ?? []).value(with: library)
        guard new != old else { return }
        set("LD_PRELOAD", new.isEmpty && library == nil ? nil : new)
    }

    /// What GODEBUG, a list "key=value,…" of which the last one counts, says about Multipath
    /// TCP: "0" off, "1" on, "2" listeners only, "3" dialers only; nil for nothing.
    package var goMultipath: String? {
        let key = "multipathtcp="
        return (value(of: "GODEBUG") ?? []).split(separator: UInt8(ascii: ","))
            .last { $0.starts(with: key.utf8) }
            .map { String(decoding: $0.dropFirst(key.utf8.count), as: UTF8.self) }
    }

    var setsGoMultipath: Bool { goMultipath != nil }

    /// Has Go programs listen and dial with MPTCP, unless the user decided that himself.
    package mutating func enableGoMultipath() {
        guard !setsGoMultipath else { return }
        let old = value(of: "GODEBUG") ?? []
        let separator = old.isEmpty || old.last == UInt8(ascii: ",") ? "" : ","
        set("GODEBUG", old + "\(separator)multipathtcp=1".utf8)
    }

    /// Has Go programs that leave it to GODEBUG use TCP.
    package mutating func disableGoMultipath() {
        guard goMultipath != "0" else { return }
        let old = value(of: "GODEBUG") ?? []
        let separator = old.isEmpty || old.last == UInt8(ascii: ",") ? "" : ","
        set("GODEBUG", old + "\(separator)multipathtcp=0".utf8)
    }

    /// Has qemu-user keep LD_PRELOAD to itself: it makes its guest's system calls through its own
    /// C library, and the guest's loader would print an error. (QEMU_UNSET_ENV is a list, of which
    /// each name is taken out of the guest's environment.)
    mutating func hidePreloadFromGuest() {
        let old = value(of: "QEMU_UNSET_ENV") ?? []
        let names = old.split(separator: UInt8(ascii: ","))
        if names.contains(Bytes("LD_PRELOAD".utf8)[...]) { return }
        set("QEMU_UNSET_ENV", old.isEmpty ? Bytes("LD_PRELOAD".utf8) : old + ",LD_PRELOAD".utf8)
    }

    /// Has the preload library pass the kernel's errors on, without remedies.
    mutating func makeStrict() { set(MPTCPIZE_ENV_STRICT, Bytes("1".utf8)) }

    /// Gives the preload library its rules, in the canonical text; nil: none, whatever the caller
    /// was started with.
    package mutating func setPolicy(_ text: String?) {
        set(MPTCPIZE_ENV_POLICY, text.map { Bytes($0.utf8) })
    }

    /// Has the preload library answer IPPROTO_TCP for SO_PROTOCOL of MPTCP sockets.
    package mutating func showProtocolAsTCP() { set(MPTCPIZE_ENV_PROTOCOL_AS_TCP, Bytes("1".utf8)) }
}

extension PreloadLibrary {
    /// How LD_PRELOAD names the library for a program.
    ///
    /// glibc's loader replaces "$LIB" by its own library folder ("lib/MULTIARCH" on
    /// Debian; "lib32" or "lib64" elsewhere, for which the installation has links), so
    /// that one name serves children of either word size. That is used only where
    /// this program's loader would find this library so, and the other size's library
    /// is there too: without it, children of the other size print a loader's error
    /// whichever way the name is written, and the plain path at least serves musl
    /// children, whose loader does not know "$LIB" (and says nothing).
    ///
    /// - Parameter hasSibling: Whether the other word size's library is installed
    ///   under the same prefix.
    package func name(for image: ELFImage?, hasSibling: Bool, on system: some LaunchSystem) -> Bytes
    {
        guard let prefix, hasSibling, let image, image.loader == .glibc,
            let loader = image.interpreter.flatMap({ system.realPath(of: $0) }),
            let folder = loader.directory
        else { return path }
        // /lib is often a link to /usr/lib, and $LIB says neither.
        let usr = Bytes("/usr/".utf8)
        let expansion = folder.starts(with: usr) ? folder.dropFirst(usr.count) : folder.dropFirst()
        let found = prefix + "/".utf8 + expansion + "/mptcpize/libmptcpize.so".utf8
        guard let real = system.realPath(of: found), real == system.realPath(of: path) else {
            return path
        }
        return prefix + "/$LIB/mptcpize/libmptcpize.so".utf8
    }
}
