"""flaky_mirror.py FOLDER
Serves FOLDER on 127.0.0.1:8123 as an archive's mirror does on a bad day: of each file, the first
request ends in the middle, the second one is answered with 404, as while a mirror is updated.
"""
import collections
import functools
import http.server
import sys

seen = collections.Counter()


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        seen[self.path] += 1
        if seen[self.path] == 1:
            self.close_connection = True
        elif seen[self.path] == 2:
            self.send_error(404)
        else:
            super().do_GET()


http.server.ThreadingHTTPServer(
    ("127.0.0.1", 8123), functools.partial(Handler, directory=sys.argv[1])).serve_forever()
