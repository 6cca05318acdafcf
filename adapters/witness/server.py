"""A witness over HTTP: `POST /add-checkpoint`, as C2SP's tlog-witness has it, and nothing else."""

import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adapters.witness.seen import Refused, Seen
from audit.add_checkpoint import PATH, SIZE_TYPE, AddCheckpoint
from audit.note import NoteRefused

LARGEST_REQUEST = 64 * 1024
# Nobody holds a thread for longer by sending nothing.
PATIENCE = 10.0

log = logging.getLogger(__name__)


class WitnessServer(ThreadingHTTPServer):
    """Listens at once; `serve_forever` answers. Port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], seen: Seen) -> None:
        self.seen = seen
        super().__init__(address, _Request)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = PATIENCE
    server: WitnessServer

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or int(length) > LARGEST_REQUEST:
            # What the client goes on to send is not read, so the connection is of no further use.
            self.close_connection = True
            self._answer(411 if not length else 413, "size-refused")
            return
        body = self.rfile.read(int(length))
        if self.path != PATH:
            self._answer(404, "not-found")
            return
        try:
            cosignature = self.server.seen.cosign(AddCheckpoint.parse(body))
        except NoteRefused:
            self._answer(400, "malformed")
        except Refused as refused:
            log.warning("checkpoint-refused", extra={"code": refused.code, "status": refused.status})
            if refused.status == 409:
                self._answer(409, str(refused.size), SIZE_TYPE)
            else:
                self._answer(refused.status, refused.code)
        else:
            self._answer(200, cosignature.line().removesuffix("\n"))

    def do_GET(self) -> None:
        self._answer(404, "not-found")

    def _answer(self, status: int, line: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = f"{line}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "accompany-witness"

    def log_message(self, format: str, *args: Any) -> None:
        """The base class would print the request's own words."""
