"""A frontend, as far as dyntop asks one."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def frontend(*listed: str, metrics: str = "") -> Iterator[str]:
    """A frontend that lists these models; its URL."""
    with listing(list(listed), metrics) as url:
        yield url


@contextmanager
def listing(listed: Collection[str], metrics: str = "") -> Iterator[str]:
    """A frontend that lists these models as they are when it is asked; its URL."""

    def body_of(path: str) -> str:
        if path == "/metrics":
            return f"dynamo_frontend_disconnected_clients 0\n{metrics}\n"
        return json.dumps({"data": [{"id": name} for name in listed]})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = body_of(self.path).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Into no test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
