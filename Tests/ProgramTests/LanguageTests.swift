import TestSupport
import Testing

/// Servers and clients by the means that a language brings along.
@Suite("Languages", .serialized, .requires(.namespaces), .requires(.mptcp))
struct LanguageTests {
    @Test("perl: IO::Socket", .requires(.command("perl")))
    func perl() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "server.pl": """
                    use IO::Socket::INET;
                    my $listener = IO::Socket::INET->new(
                        Listen => 5, LocalAddr => $ARGV[0], LocalPort => 9000, ReuseAddr => 1,
                    ) or die "listen: $!";
                    while (my $connection = $listener->accept) {
                        while (<$connection>) { print $connection uc }
                        close $connection;
                    }
                    """,
                    "client.pl": """
                    use IO::Socket::INET;
                    for my $round (1 .. 3) {
                        my $socket = IO::Socket::INET->new("$ARGV[0]:9000") or die "connect: $!";
                        print $socket "round $round, line $_\\n" for 1 .. 100;
                        shutdown $socket, 1;
                        print while <$socket>;
                    }
                    """,
                ],
                server: ["perl", "server.pl", "%SERVER%"], port: 9000,
                client: ["perl", "client.pl", "%SERVER%"]))
    }

    @Test("ruby: TCPServer and Net::HTTP", .requires(.command("ruby")))
    func ruby() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "server.rb": """
                    require "socket"
                    listener = TCPServer.new(ARGV[0], 9000)
                    loop do
                      Thread.new(listener.accept) do |connection|
                        path = connection.gets.split[1]
                        nil until connection.gets == "\\r\\n"
                        body = "#{path}\\n" * 20_000
                        connection.write "HTTP/1.1 200 OK\\r\\nContent-Length: #{body.size}\\r\\n" \\
                                         "Connection: close\\r\\n\\r\\n", body
                        connection.close
                      end
                    end
                    """,
                    "client.rb": """
                    require "net/http"
                    3.times { |n| puts Net::HTTP.get(ARGV[0], "/page/#{n}", 9000) }
                    """,
                ],
                server: ["ruby", "server.rb", "%SERVER%"], port: 9000,
                client: ["ruby", "client.rb", "%SERVER%"]))
    }

    @Test("node: http", .requires(.command("node")))
    func node() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "server.js": """
                    require("http").createServer((request, response) => {
                      response.setHeader("Date", "now");
                      response.end(request.url.repeat(50000));
                    }).listen(9000, process.argv[2]);
                    """,
                    "client.js": """
                    const http = require("http");
                    const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
                    let left = 6;
                    for (let n = 0; n < 6; n++) {
                      http.get({ agent, host: process.argv[2], port: 9000, path: `/page/${n}` }, (page) => {
                        let size = 0;
                        page.on("data", (chunk) => (size += chunk.length));
                        page.on("end", () => {
                          console.log(n, page.statusCode, size);
                          if (--left === 0) agent.destroy();
                        });
                      });
                    }
                    """,
                ],
                server: ["node", "server.js", "%SERVER%"], port: 9000,
                client: ["node", "client.js", "%SERVER%"],
                normalise: { $0.split(separator: "\n").sorted().joined(separator: "\n") }))
    }

    @Test("java: HttpServer and HttpClient", .requires(.command("java", "javac")))
    func java() throws {
        try expectSameOverMPTCP(
            Conversation(
                files: [
                    "Server.java": """
                    import com.sun.net.httpserver.HttpServer;
                    import java.net.InetSocketAddress;

                    class Server {
                        public static void main(String[] arguments) throws Exception {
                            var server = HttpServer.create(
                                new InetSocketAddress(arguments[0], 9000), 5);
                            server.createContext("/", exchange -> {
                                byte[] body = exchange.getRequestURI().getPath().repeat(50000).getBytes();
                                exchange.sendResponseHeaders(200, body.length);
                                exchange.getResponseBody().write(body);
                                exchange.close();
                            });
                            server.start();
                        }
                    }
                    """,
                    "Client.java": """
                    import java.io.InputStream;
                    import java.net.Socket;
                    import java.net.URI;
                    import java.net.http.HttpClient;
                    import java.net.http.HttpRequest;
                    import java.net.http.HttpResponse.BodyHandlers;

                    class Client {
                        public static void main(String[] arguments) throws Exception {
                            // Channels and selectors first, then a blocking socket.
                            var client = HttpClient.newHttpClient();
                            for (int n = 0; n < 3; n++) {
                                var page = client.send(HttpRequest.newBuilder(
                                    URI.create("http://" + arguments[0] + ":9000/page/" + n)).build(),
                                    BodyHandlers.ofString());
                                System.out.println(page.statusCode() + " " + page.body().length());
                            }
                            try (var socket = new Socket(arguments[0], 9000)) {
                                socket.setTcpNoDelay(true);
                                socket.setSoTimeout(20000);
                                socket.getOutputStream().write(
                                    "GET /socket HTTP/1.0\\r\\n\\r\\n".getBytes());
                                InputStream input = socket.getInputStream();
                                System.out.println(new String(input.readNBytes(15)));
                                input.readAllBytes();
                            }
                            System.exit(0);
                        }
                    }
                    """,
                ],
                preparation: [["javac", "Server.java", "Client.java"]],
                server: ["java", "-XX:TieredStopAtLevel=1", "Server", "%SERVER%"], port: 9000,
                client: ["java", "-XX:TieredStopAtLevel=1", "Client", "%SERVER%"]))
    }
}
