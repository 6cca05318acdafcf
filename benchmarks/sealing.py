"""Sealing and opening an event beside bare AES-GCM of the same bytes, in groups and field by field; and a dashboard of 200 cases."""

import os
import time
from collections.abc import Callable
from uuid import UUID

import httpx
import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.http.app import create_app
from adapters.http.parts import Parts
from adapters.keys.sealing import DataKey, Place, seal, unseal
from adapters.postgres import mapper
from adapters.postgres.runner import Runner
from adapters.wiring import Installation
from application.ids import new_id
from benchmarks.cases import SUMMARY, Office, office, record_cases
from benchmarks.ground import Ground
from benchmarks.measured import Figure, median, spread
from domain.events import RecordEvent

CASES = 200
AT_ONCE = 500
# What docs/sealing.md puts around a text.
OVERHEAD = 85
# What stands about a person who has been talked to once: as many fields, and as long ones, as one registration has.
DETAILS = {
    "full_name": "Parwana Invented",
    "born_on": "1994-06-21",
    "gender": "female",
    "languages": [{"language": "fa-AF", "level": "C2"}, {"language": "de", "level": "B1"}],
    "origin_country": "AFG",
    "occupation_isco": "2221",
    "phone": "+49 30 0000000",
    "email": "parwana@example.org",
    "note": SUMMARY,
    "reference": "T-0815",
}


async def sealing(ground: Ground) -> list[Figure]:
    return [*_values(ground), *await _events(ground)]


def _values(ground: Ground) -> list[Figure]:
    key = DataKey.generate()
    place = Place(new_id(), new_id(), 3, "person-registered", 1, "originator_id", new_id())
    whole = msgspec.json.encode(DETAILS)
    parts = [msgspec.json.encode(value) for value in DETAILS.values()]
    bare, nonce, associated = AESGCM(key.secret), os.urandom(12), bytes(120)
    sealed, closed = seal(key, whole, place), bare.encrypt(nonce, whole, associated)
    apart = [seal(key, part, place) for part in parts]
    group, size = "Sealing a value", f"{len(whole)} bytes"
    return [
        _beside(
            ground,
            group,
            f"seal, {size}",
            lambda: seal(key, whole, place),
            lambda: bare.encrypt(os.urandom(12), whole, associated),
            "bare AES-GCM",
        ),
        _beside(
            ground,
            group,
            f"open, {size}",
            lambda: unseal(key, sealed, place),
            lambda: bare.decrypt(nonce, closed, associated),
            "bare AES-GCM",
        ),
        _beside(
            ground,
            group,
            f"seal {len(parts)} fields one by one",
            lambda: [seal(key, part, place) for part in parts],
            lambda: seal(key, whole, place),
            "as one group",
        ),
        _beside(
            ground,
            group,
            f"open {len(parts)} fields one by one",
            lambda: [unseal(key, one, place) for one in apart],
            lambda: unseal(key, sealed, place),
            "as one group",
        ),
    ]


async def _events(ground: Ground) -> list[Figure]:
    async with ground.installation() as parts:
        at = await office(parts)
        cases = await record_cases(parts, at.by, CASES, 6)
        await Runner(parts.dsn).catch_up()
        event, keys = await _session(parts, at, cases[0])
        organisation_id = at.by.organisation_id
        stored = mapper.seal_event(event, keys, organisation_id=organisation_id, actor_id=at.by.member_id)
        # A session is told in two groups: what the trainee said and what the mentor said.
        same = [bytes(len(sealed) - OVERHEAD) for *_, sealed in mapper.envelope(stored).sealed]
        bare, nonce, associated = AESGCM(os.urandom(32)), os.urandom(12), bytes(120)
        closed = [bare.encrypt(nonce, one, associated) for one in same]
        group = "Sealing an event"
        figures = [
            _beside(
                ground,
                group,
                "a session: JSON, key, seal",
                lambda: mapper.seal_event(event, keys, organisation_id=organisation_id),
                lambda: [bare.encrypt(os.urandom(12), one, associated) for one in same],
                "bare AES-GCM of its sealed bytes",
            ),
            _beside(
                ground,
                group,
                "the same opened",
                lambda: mapper.open(mapper.envelope(stored), keys),
                lambda: [bare.decrypt(nonce, one, associated) for one in closed],
                "bare AES-GCM of its sealed bytes",
            ),
        ]
        return [*figures, *await _dashboard(ground, parts, at)]


async def _session(parts: Installation, at: Office, case: UUID) -> tuple[RecordEvent, mapper.Held]:
    event = (await parts.record.history(at.by, case))[-1]
    return event, await parts.keys.ensure(at.by.organisation_id, mapper.people(event))


async def _dashboard(ground: Ground, parts: Installation, at: Office) -> list[Figure]:
    app = create_app(Parts.of(parts))
    door = httpx.ASGITransport(app=app)
    headers = {"Authorization": f"Bearer {at.token}"}
    async with httpx.AsyncClient(transport=door, base_url="http://bench.test/api/v1", headers=headers) as client:

        async def milliseconds(*, cold: bool) -> float:
            taken = []
            for _ in range(5 if ground.quick else 25):
                if cold:
                    parts.keys.drop()
                began = time.perf_counter()
                answer = await client.get("/mentorships", params={"limit": CASES})
                taken.append(1000 * (time.perf_counter() - began))
                assert answer.status_code == 200, answer.text
                assert len(answer.json()["mentorships"]) == CASES
            return median(taken)

        await milliseconds(cold=False)
        warm, cold = await milliseconds(cold=False), await milliseconds(cold=True)
    return [
        Figure(f"A dashboard of {CASES} cases", "opened over HTTP, keys in memory", f"{warm:.1f} ms"),
        Figure(
            f"A dashboard of {CASES} cases",
            "the same, every key fetched and unwrapped anew",
            f"{cold:.1f} ms",
            "",
            cold / warm,
        ),
    ]


def _beside(
    ground: Ground, group: str, what: str, ours: Callable[[], object], theirs: Callable[[], object], called: str
) -> Figure:
    """Microseconds of one call of each, in turns."""
    rounds = [(_microseconds(ground, ours), _microseconds(ground, theirs)) for _ in range(2 * ground.rounds + 1)]
    mine, other = [one for one, _ in rounds], [one for _, one in rounds]
    return Figure(
        group, what, f"{spread(mine, ',.1f')} µs", f"{median(other):,.1f} µs {called}", median(mine) / median(other)
    )


def _microseconds(ground: Ground, call: Callable[[], object]) -> float:
    times = 0
    began = time.perf_counter()
    until = began + ground.seconds / 10
    while time.perf_counter() < until:
        for _ in range(AT_ONCE):
            call()
        times += AT_ONCE
    return 1e6 * (time.perf_counter() - began) / times
