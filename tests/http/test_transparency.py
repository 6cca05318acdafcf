"""The logs over HTTP, as C2SP's tlog-tiles has them: for anybody, and nothing but hashes."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from adapters.evidence.logged import LOGS
from adapters.wiring import Installation
from audit.checkpoint import Checkpoint, opened_checkpoint
from audit.merkle import leaf_hash, root_of
from audit.note import Ed25519Verifier
from audit.tiles import bundles_of, entries_of
from tests.http.front_door import Office, OpenCase

pytestmark = pytest.mark.anyio

EVERY_LOG = [log.name for log in LOGS]


def anybody(app: FastAPI) -> httpx.AsyncClient:
    """Without a token."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://accompany.test")


async def kept(house: Installation, office: Office) -> Checkpoint:
    """The checkpoint over something that was recorded."""
    await OpenCase.begin(office)
    await asyncio.to_thread(house.keeping.integrator().catch_up)
    [events] = [log for log in house.logs if log.name == "events"]
    return house.keeping.key.opened("events", (await events.newest()).note)


async def test_anybody_reads_the_checkpoint_and_finds_the_tree_under_it(
    house: Installation, office: Office, app: FastAPI
) -> None:
    expected = await kept(house, office)
    async with anybody(app) as client:
        answer = await client.get("/log/events/checkpoint")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        found, _ = opened_checkpoint(answer.content, Ed25519Verifier(house.keeping.key.verifier_key("events")))
        assert found == expected
        entries: list[bytes] = []
        hashes = b""
        for tile in bundles_of(found.size):
            bundle = await client.get(f"/log/events/tile/{tile.path}")
            assert bundle.headers["content-type"] == "application/octet-stream"
            entries += entries_of(bundle.content)
            hashes += (await client.get(f"/log/events/tile/{tile.path.replace('entries', '0')}")).content
        assert root_of([leaf_hash(entry) for entry in entries]) == found.root
        assert hashes == b"".join(leaf_hash(entry) for entry in entries)


async def test_a_narrower_tile_is_the_beginning_of_a_wider_one(
    house: Installation, office: Office, app: FastAPI
) -> None:
    size = (await kept(house, office)).size
    async with anybody(app) as client:
        wide = await client.get(f"/log/events/tile/0/000{'.p/' + str(size) if size < 256 else ''}")
        narrow = await client.get("/log/events/tile/0/000.p/2")
    assert wide.status_code == narrow.status_code == 200
    assert narrow.content == wide.content[:64]
    assert "immutable" not in narrow.headers["cache-control"]


async def test_what_is_not_there_is_not_found(house: Installation, office: Office, app: FastAPI) -> None:
    await kept(house, office)
    paths = (
        "/log/nothing/checkpoint",
        "/log/events",
        "/log/events/tile/0/999",
        "/log/events/tile/5/000",
        "/log/events/tile/0/0",
        "/log/events/tile/entries/x001/000",
        "/log/events/tile/0/000.p/256",
        "/log/events/tile/%2e%2e/checkpoint",
        "/log/events/checkpoint?size=1",
        "/log",
    )
    async with anybody(app) as client:
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert answer.headers["content-type"] == "application/problem+json", path
        assert (await client.post("/log/events/checkpoint")).status_code == 405
