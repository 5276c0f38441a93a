/// What `mptcpize check --json` prints.
public struct CheckReport: Decodable {
    public struct Finding: Decodable {
        public let level: String
        public let subject: String
        public let text: String
        public let next: String?
    }

    public let findings: [Finding]
}
