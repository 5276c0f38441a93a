/// Limits the number of series, whatever runs on the host: everything beyond the limit is added up as
/// "other".
enum LabelBound {
    /// Programs in units, units, cgroups, rules: each metric has at most this many and "other".
    static let places = 100
    static let other = "other"

    /// Adds up what is beyond the places.
    ///
    /// - Parameters:
    ///   - entries: those to be kept first.
    ///   - rest: the key for the rest.
    static func folded<Key: Hashable, Value>(
        _ entries: [(key: Key, value: Value)], rest: Key, add: (inout Value, Value) -> Void
    ) -> [(key: Key, value: Value)] {
        guard entries.count > places else { return entries }
        // One that has this name is part of it.
        var result = entries.filter { $0.key != rest }
        let surplus = result.dropFirst(places) + entries.filter { $0.key == rest }
        result.removeLast(max(result.count - places, 0))
        guard var sum = surplus.first else { return result }
        for entry in surplus.dropFirst() { add(&sum.value, entry.value) }
        result.append((rest, sum.value))
        return result
    }
}
