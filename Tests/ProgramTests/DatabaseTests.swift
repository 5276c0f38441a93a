import Foundation
import TestSupport
import Testing

@Suite("Databases and caches", .serialized, .requires(.namespaces), .requires(.mptcp))
struct DatabaseTests {
    @Test("redis-server and redis-cli", .requires(.command("redis-server", "redis-cli")))
    func redis() throws {
        let values = (1...200).map {
            "SET key:\($0) \(String(repeating: "value \($0) ", count: 50).debugDescription)\n"
        }
        try expectSameOverMPTCP(
            Conversation(
                server: [
                    "redis-server", "--bind", "%SERVER%", "--protected-mode", "no", "--save", "",
                    "--dir", "%DIR%", "--loglevel", "warning",
                ],
                port: 6379,
                client: ["redis-cli", "-h", "%SERVER%"],
                clientInput: values.joined() + "GET key:7\nDBSIZE\nLRANGE missing 0 1\nNONSENSE\n"))
    }

    @Test("memcached and nc", .requires(.command("memcached", "nc")))
    func memcached() throws {
        let value = String(repeating: "0123456789", count: 20_000)
        try expectSameOverMPTCP(
            Conversation(
                server: ["memcached", "-u", "nobody", "-l", "%SERVER%", "-t", "2"], port: 11211,
                client: ["nc", "%SERVER%", "11211"],
                clientInput: "set a 0 0 \(value.count)\r\n\(value)\r\nget a\r\ndelete a\r\nquit\r\n"
            ))
    }

    @Test("postgres and psql", .requires(.command("psql", "setpriv")), .requires(.postgres))
    func postgres() throws {
        let asPostgres = [
            "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups",
        ]
        let programs = Requirement.postgresPrograms ?? "/usr/bin"
        try expectSameOverMPTCP(
            Conversation(
                preparation: [
                    ["install", "-d", "-o", "postgres", "-g", "postgres", "-m", "700", "data"],
                    asPostgres + [
                        "\(programs)/initdb", "-D", "%DIR%/data", "--auth=trust", "--no-sync",
                        "--encoding=UTF8", "--no-locale",
                    ],
                    [
                        "sh", "-c",
                        "echo 'host all all 10.88.0.0/24 trust' >>data/pg_hba.conf",
                    ],
                ],
                server: asPostgres + [
                    "\(programs)/postgres", "-D", "%DIR%/data", "-h", "%SERVER%", "-k", "",
                    "-c", "fsync=off", "-c", "max_connections=10",
                ],
                port: 5432,
                // Until then it sends clients away: "the database system is starting up".
                ready: "database system is ready to accept connections",
                client: [
                    "psql", "-X", "-h", "%SERVER%", "-U", "postgres", "--csv",
                    "-v", "VERBOSITY=terse", "-d", "postgres", "-f", "-",
                ],
                clientInput: """
                    CREATE TEMPORARY TABLE t AS SELECT n, repeat(n::text, 40) AS text
                        FROM generate_series(1, 5000) AS n;
                    SELECT * FROM t;
                    \\copy t TO '%DIR%/copy' CSV
                    SELECT nonsense;
                    """,
                produces: ["copy"]))
    }
}

extension Requirement {
    /// Where Debian keeps the programs of PostgreSQL's newest installed version.
    static var postgresPrograms: String? {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.compactMap(Int.init).max().map { "\(root)/\($0)/bin" }
    }

    static let postgres = Requirement("PostgreSQL's server") { postgresPrograms != nil }
}
