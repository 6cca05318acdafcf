"""Asks a service over loopback for some seconds: `python -m benchmarks.load_generator`, a plan as JSON on standard input.

A process of its own, so that it takes no time from the one that answers. Prints the latencies in seconds as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import cast
from uuid import uuid4

import httptools
import uvloop

PATIENCE = 30


class Client(asyncio.Protocol):
    """One connection that asks again as soon as it is answered, until a moment."""

    def __init__(self, requests: Sequence[tuple[bytes, bytes]], until: float) -> None:
        self._requests = requests
        self._until = until
        self._number = 0
        self._began = 0.0
        self.latencies: list[float] = []
        self.statuses: set[int] = set()
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the service hung up"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self.latencies.append(now - self._began)
        self.statuses.add(self._parser.get_status_code())
        if now < self._until:
            self._ask()
        else:
            self.done.set_result(None)
            self._transport.close()

    def _ask(self) -> None:
        before_key, after_key = self._requests[self._number % len(self._requests)]
        self._number += 1
        self._parser = httptools.HttpResponseParser(self)
        self._began = time.perf_counter()
        self._transport.write(before_key + uuid4().hex.encode() + after_key)


def request(host: str, path: str, headers: dict[str, str], body: str) -> tuple[bytes, bytes]:
    """One POST, in two halves: between them goes the Idempotency-Key, which is another one each time."""
    content = body.encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}", "Idempotency-Key: "]
    return "\r\n".join(lines).encode(), b"\r\n\r\n" + content


async def ask(plan: dict[str, object]) -> dict[str, object]:
    """`plan`: port, clients, seconds, paths, headers, body. Clients share the paths out, so that no two ask for the same."""
    port, clients, seconds = int(str(plan["port"])), int(str(plan["clients"])), float(str(plan["seconds"]))
    paths, headers, body = plan["paths"], plan["headers"], plan["body"]
    assert isinstance(paths, list)
    assert isinstance(headers, dict)
    requests = [request("127.0.0.1", path, headers, str(body)) for path in paths]
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    asking = [
        (await loop.create_connection(lambda n=n: Client(requests[n::clients], began + seconds), "127.0.0.1", port))[1]  # type: ignore[misc]  # a default that binds n
        for n in range(clients)
    ]
    async with asyncio.timeout(seconds + PATIENCE):
        await asyncio.gather(*(client.done for client in asking))
    return {
        "seconds": time.perf_counter() - began,
        "latencies": [latency for client in asking for latency in client.latencies],
        "statuses": sorted(set().union(*(client.statuses for client in asking))),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(uvloop.run(ask(json.load(sys.stdin)))))
