import CLibBPF
import Glibc
import LinuxSystem

/// A BPF map of fixed-size keys and values.
struct BPFMap<Key: BitwiseCopyable, Value: BitwiseCopyable>: ~Copyable {
    let descriptor: Descriptor
    private let libbpf: LibBPF

    /// Takes a map over; nil when its keys or values have other sizes than these types.
    init?(_ descriptor: consuming Descriptor, libbpf: LibBPF) {
        let fits = libbpf.map(
            descriptor.number, hasKeys: MemoryLayout<Key>.size, values: MemoryLayout<Value>.size)
        self.descriptor = descriptor
        self.libbpf = libbpf
        if !fits { return nil }
    }

    /// Copies the key's value to `value`; false when the map has no such key.
    func read(_ key: Key, into value: inout Value) throws(Errno) -> Bool {
        let answer = withUnsafePointer(to: key) {
            libbpf.calls.map_lookup_elem(descriptor.number, $0, &value)
        }
        if answer == 0 { return true }
        let error = Errno.last
        if error.rawValue == ENOENT { return false }
        throw error
    }

    /// Replaces the key's value. Of an array's value, whole aligned words change at once.
    func write(_ key: Key, _ value: Value) throws(Errno) {
        let answer = withUnsafePointer(to: key) { key in
            withUnsafePointer(to: value) { value in
                libbpf.calls.map_update_elem(descriptor.number, key, value, 0)
            }
        }
        if answer != 0 { throw Errno.last }
    }

    /// Replaces the values of many keys.
    func write(_ keys: [Key], _ values: [Value]) throws(Errno) {
        var count = UInt32(keys.count)
        guard libbpf.calls.map_update_batch(descriptor.number, keys, values, &count, nil) == 0
        else { throw Errno.last }
    }

    /// Removes a key, if it is there.
    func remove(_ key: Key) throws(Errno) {
        let answer = withUnsafePointer(to: key) {
            libbpf.calls.map_delete_elem(descriptor.number, $0)
        }
        if answer != 0 {
            let error = Errno.last
            if error.rawValue != ENOENT { throw error }
        }
    }

    /// All keys, in no order. Only for maps that nobody changes meanwhile.
    func keys(_ blank: Key) throws(Errno) -> [Key] {
        var result: [Key] = []
        var next = blank
        var answer = libbpf.calls.map_get_next_key(descriptor.number, nil, &next)
        while answer == 0 {
            result.append(next)
            var current = next
            answer = libbpf.calls.map_get_next_key(descriptor.number, &current, &next)
        }
        let error = Errno.last
        if error.rawValue != ENOENT { throw error }
        return result
    }
}
