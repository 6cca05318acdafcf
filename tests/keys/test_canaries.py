"""Names, notes and phone numbers are planted through every way in, and looked for in everything that leaves the service."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql

from adapters.postgres.programs import bundled_bin_dir
from tests.cli.running import answer, environment, serving
from tests.http.front_door import PURPOSES, STARTED, consent
from tests.keys.canaries import files_under, forms_of, found, with_decoded_hex
from tests.keys.offices import coordinators_token
from tests.postgres_servers import Clusters

PATIENCE = 60.0
NAME, NOTE, PHONE = "Kanarienvögelchen Ünvorhanden", "canarynotewritten", "+49 30 47114711"
EMAIL, OFFICE, SUMMARY = "canarymail@example.org", "Canaryoffice Hall", "canarysummarytold"
REFERENCE, IMPORTED, IMPORTED_NOTE = "canary-ref-4711", "Canaryna Importova", "canaryimportednote"
MISPLACED = "canarymisplaced"
WORDS = (NAME, NOTE, PHONE, EMAIL, OFFICE, SUMMARY, REFERENCE, IMPORTED, IMPORTED_NOTE, MISPLACED)


@pytest.mark.parametrize("word", WORDS)
def test_the_search_sees_a_planted_word_in_every_form(word: str) -> None:
    forms = forms_of(word)
    for form, needle in forms.items():
        assert found([word], b"x" + needle + b"y"), form
    assert not found([word], b"something else altogether")


class Collector(BaseHTTPRequestHandler):
    """Takes what is exported over OTLP."""

    taken: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(self.path.encode() + repr(dict(self.headers)).encode() + body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[str]:
    Collector.taken.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def logging_everything(dsn: str) -> Iterator[list[bytes]]:
    """The server writes every statement with its parameters while this lasts: as somebody else's might. Then what it wrote."""
    wrote: list[bytes] = []
    with psycopg.connect(dsn, autocommit=True) as owner:
        name = sql.Identifier(owner.info.dbname)
        for setting, value in (
            ("log_statement", "all"),
            ("log_min_duration_statement", "0"),
            ("log_parameter_max_length", "-1"),
            ("log_parameter_max_length_on_error", "-1"),
            ("log_min_messages", "debug1"),
            ("log_min_error_statement", "debug1"),
            ("log_error_verbosity", "verbose"),
        ):
            owner.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.Identifier(setting), value))
        row = owner.execute("SHOW data_directory").fetchone()
    assert row is not None
    log = Path(row[0]) / "server.log"
    before = log.stat().st_size
    yield wrote
    with log.open("rb") as file:
        file.seek(before)
        wrote.append(file.read())


def test_nothing_that_was_told_leaves_the_service_in_plain_text(
    tmp_path: Path, database: str, postgres_clusters: Clusters
) -> None:
    data, temporary, log = tmp_path / "data", tmp_path / "tmp", tmp_path / "serve.log"
    temporary.mkdir()
    answers: list[httpx.Response] = []
    with (
        postgres_clusters.running("postgres-18").fresh_database(prepared=False) as ring,
        collecting() as collector,
        logging_everything(database) as record_log,
        logging_everything(ring) as ring_log,
    ):
        env = environment(
            data,
            DATABASE_URL=database,
            ACCOMPANY_KEYS_DATABASE_URL=ring,
            ACCOMPANY_OTLP_ENDPOINT=collector,
            ACCOMPANY_LOG_LEVEL="debug",
            TMPDIR=str(temporary),
        )
        imported = answer("import", str(caseload(tmp_path / "caseload")), env=env)
        token = coordinators_token(database)
        with serving(env, log) as running:
            with httpx.Client(
                base_url=f"{running.address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60
            ) as client:
                tell(client)
                answers += mistakes(client)
            assert running.process.poll() is None
        dumps = {name: dumped(dsn) for name, dsn in (("record", database), ("ring", ring))}
    assert imported["files"]["people.csv"]["refused"] == {"unknown-term": 1}

    said = log.read_bytes()
    exported = b"\n".join(Collector.taken)
    # The search looks where something is to be seen.
    assert b"person-registered" in dumps["record"]
    assert b"keys.ensure" in ring_log[0]
    assert b"accompany.events" in record_log[0]
    assert b"/v1/traces" in exported
    assert b"accompany.commands" in exported
    assert b'"level"' in said
    assert {one.status_code for one in answers} >= {404, 422}

    places = {
        "dump of the record": dumps["record"],
        "dump of the ring": dumps["ring"],
        "log of PostgreSQL, record": record_log[0],
        "log of PostgreSQL, ring": ring_log[0],
        "log of the service": said,
        "traces and metrics": exported,
        "answers to mistakes": b"\n".join(repr(dict(one.headers)).encode() + one.content for one in answers),
        # Rows that the import refused are kept there in plain text, for people to mend: docs/keys.md says so.
        **{f"data folder, {path.name}": held for path, held in files_under(data, without=[data / "refusals"])},
        **{f"temporary folder, {path.name}": held for path, held in files_under(temporary)},
    }
    leaks = {place: found(WORDS, with_decoded_hex(haystack)) for place, haystack in places.items()}
    assert {place: words for place, words in leaks.items() if words} == {}


def tell(client: httpx.Client) -> None:
    """What people tell a caseworker, through the front door."""

    def post(path: str, body: dict[str, Any]) -> dict[str, Any]:
        told = client.post(path, json=body, headers={"Idempotency-Key": str(uuid4())})
        assert told.status_code == 201, told.text
        answered: dict[str, Any] = told.json()
        return answered

    person = {"full_name": NAME, "phone": PHONE, "email": EMAIL, "note": NOTE, "reference": REFERENCE}
    trainee = post("/people", {"role": "trainee", **person})["id"]
    mentor = post("/people", {"role": "mentor", **person})["id"]
    started = {"trainee_id": trainee, "mentor_id": mentor, "track": "healthcare", "occurred_on": STARTED}
    case = f"/mentorships/{post('/mentorships', started)['id']}"
    for purpose in PURPOSES:
        post(f"{case}/consents", consent(purpose))
    session = {"occurred_on": "2025-03-03", "minutes": 30, "medium": "video", "summary": SUMMARY}
    post(f"{case}/sessions", session)
    last = post(f"{case}/appointments", {"type": "bank", "starts_at": "2025-03-04T09:00:00+01:00", "office": OFFICE})
    # Read as people would, so that opened text passes through.
    paths = (case, f"/people/{trainee}", f"{case}/timeline")
    read = [client.get(path, params={"min_position": last["position"]}) for path in paths]
    assert any(NAME in str(one.json()) for one in read), [one.status_code for one in read]
    assert any(SUMMARY in str(one.json()) for one in read)


def mistakes(client: httpx.Client) -> list[httpx.Response]:
    """What is sent in the wrong place or shape, with a canary in it."""
    headers = {"Idempotency-Key": str(uuid4())}
    return [
        client.post("/people", json={"role": MISPLACED, "full_name": NAME}, headers=headers),
        client.post("/people", json={"role": "trainee", "full_name": NAME, MISPLACED: NOTE}, headers=headers),
        client.post("/people", content=b'{"role": "' + MISPLACED.encode(), headers=headers),
        client.post("/people", json={"role": "trainee", "full_name": NAME, "born_on": MISPLACED}, headers=headers),
        client.get(f"/people/{MISPLACED}"),
        client.get(f"/{MISPLACED}", params={"q": NAME}),
        client.get("/people", params={"cursor": MISPLACED, "note": NOTE}),
        client.get("/people", headers={"Authorization": f"Bearer {MISPLACED}", "traceparent": MISPLACED}),
        client.request(MISPLACED.upper(), "/people"),
        client.post("/search", json={"q": NAME, MISPLACED: 1}),
        client.post(f"/mentorships/{uuid4()}/sessions", json={"summary": SUMMARY}, headers=headers),
    ]


def caseload(folder: Path) -> Path:
    folder.mkdir()
    (folder / "people.csv").write_text(
        "person_id,role,full_name,phone,note\n"
        f"T1,trainee,{IMPORTED},{PHONE},{IMPORTED_NOTE}\n"
        f"T2,{MISPLACED},{IMPORTED},{PHONE},{IMPORTED_NOTE}\n",
        encoding="utf-8",
    )
    return folder


def dumped(dsn: str) -> bytes:
    return subprocess.run([bundled_bin_dir() / "pg_dump", dsn], check=True, capture_output=True).stdout
