import LinuxSystem

extension ELFImage {
    /// nginx and programs derived from it, also Debian's and openresty's `*-debug`.
    private static let kin = ["nginx", "angie", "freenginx", "openresty", "tengine"]

    /// Whether the program is one of those that ask FIONREAD once, read as much, and wait for the
    /// next edge. By its name, and, where it is dynamically linked, by what it calls: other
    /// programs of the name are not meant.
    func countsOnEdges(_ path: Bytes, _ source: any ByteSource) -> Bool {
        let name = path.lastPathComponent
        let isKin = Self.kin.contains {
            name == Bytes($0.utf8) || name == Bytes("\($0)-debug".utf8)
        }
        guard isKin, goVersion == nil, let file = ELFReader(source) else { return false }
        guard interpreter != nil else { return true }
        let strings = file.dynamicStrings(file.segments())
        return ["epoll_ctl", "ioctl"].allSatisfy { strings.holds(Bytes($0.utf8)) }
    }
}

extension Bytes {
    /// Whether a string table has this name.
    fileprivate func holds(_ name: Bytes) -> Bool {
        split(separator: 0).contains { $0.elementsEqual(name) }
    }
}
