extension SocketLedger {
    /// A descriptor that is open on a socket.
    struct Holder: Hashable {
        var pid: Int32
        var fd: Int32
    }

    /// The holders of one socket, each found in constant time.
    struct Holders {
        private(set) var list: [Holder] = []
        /// Where each is in `list`; nil while that is short.
        private var places: [Holder: Int]?

        private static let short = 16

        var isEmpty: Bool { list.isEmpty }
        var count: Int { list.count }

        mutating func append(_ holder: Holder) {
            places?[holder] = list.count
            list.append(holder)
            if places == nil, list.count > Self.short {
                // Of two that are equal, which only records of nonsense make, one is enough.
                var found: [Holder: Int] = [:]
                for (place, holder) in list.enumerated() { found[holder] = place }
                places = found
            }
        }

        func contains(_ holder: Holder) -> Bool {
            places.map { $0[holder] != nil } ?? list.contains(holder)
        }

        /// Whether it was one. The last one takes its place.
        mutating func remove(_ holder: Holder) -> Bool {
            guard let place = places.map({ $0[holder] }) ?? list.firstIndex(of: holder) else {
                return false
            }
            let last = list.removeLast()
            if places != nil { places![holder] = nil }
            if place < list.count {
                list[place] = last
                if places != nil { places![last] = place }
            }
            return true
        }
    }
}

/// Sockets in the order in which they came, and by their inode numbers. In portions: a list that
/// grows by moving all that it has keeps its owner from looking after anything else meanwhile.
struct SocketTable {
    private var portions: [[SocketLedger.Entry]] = []
    private var byInode: [[UInt64: Int]]
    private(set) var count = 0

    private static let portion = 1024
    private static let shards = 64

    init() { byInode = Array(repeating: [:], count: Self.shards) }

    mutating func append(_ entry: SocketLedger.Entry) {
        if count % Self.portion == 0 { portions.append([]) }
        portions[count / Self.portion].append(entry)
        count += 1
    }

    subscript(index: Int) -> SocketLedger.Entry {
        get { portions[index / Self.portion][index % Self.portion] }
        _modify { yield &portions[index / Self.portion][index % Self.portion] }
    }

    /// The index of the newest socket with this number.
    subscript(inode inode: UInt64) -> Int? {
        get { byInode[Self.shard(inode)][inode] }
        set { byInode[Self.shard(inode)][inode] = newValue }
    }

    var all: some Sequence<SocketLedger.Entry> { portions.lazy.joined() }

    /// Numbers follow each other, so their last bits are spread.
    private static func shard(_ inode: UInt64) -> Int { Int(inode % UInt64(shards)) }
}
