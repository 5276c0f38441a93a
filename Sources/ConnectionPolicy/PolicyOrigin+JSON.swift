import TextOutput

extension PolicyOrigin {
    /// For other programs to read.
    package var json: JSONValue {
        self == .ofAnotherRun
            ? ["file": .null, "line": .null]
            : ["file": .string(file.text), "line": JSONValue(line)]
    }
}
