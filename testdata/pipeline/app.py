"""A small web service without anything but Python: says who answers."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = "1"


def greeting():
    return f"{os.environ.get('GREETING', 'hello')} from version {VERSION}\n"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = greeting().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    # the first process of a container is not ended by a signal that it does not handle
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
