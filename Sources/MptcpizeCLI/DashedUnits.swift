import SystemdUnits

/// Units whose names begin with a dash ("-.slice", "-.mount"), which look like options.
enum DashedUnits {
    /// The words of a command line with such units behind a "--", where they are arguments. As
    /// the value of an option they stay, and so does all that stands behind a "--" already.
    static func asArguments(_ words: [String]) -> [String] {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        var kept: [String] = []
        var units: [String] = []
        for word in words[..<end] {
            let isValue = kept.last == "--unit" || kept.last == "--slice"
            if word.hasPrefix("-"), !isValue, UnitName(word) != nil {
                units.append(word)
            } else {
                kept.append(word)
            }
        }
        if units.isEmpty { return words }
        return kept + ["--"] + units + words[end...].dropFirst()
    }
}
