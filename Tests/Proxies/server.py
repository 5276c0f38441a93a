"""server.py PORT FILE: the HTTP server behind a proxy, one request a connection.

GET answers FILE, PUT the SHA-256 of what it was sent.
"""

import hashlib
import http.server
import os
import sys


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    file = ""

    def answer(self, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def do_GET(self):
        with open(self.file, "rb") as file:
            self.answer(os.fstat(file.fileno()).st_size)
            self.connection.sendfile(file)

    def chunks(self):
        """The request's body."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            left = int(self.headers["Content-Length"])
            while left and (data := self.rfile.read(min(left, 1 << 18))):
                left -= len(data)
                yield data
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def do_PUT(self):
        digest = hashlib.sha256()
        for data in self.chunks():
            digest.update(data)
        text = digest.hexdigest().encode()
        self.answer(len(text))
        self.wfile.write(text)

    def log_message(self, *_):
        pass


Server.file = sys.argv[2]
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Server).serve_forever()
