"""Other event stores, from npm: emmett, castore and message-db. Where npm is missing they are left out, with a line that says so."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from benchmarks.contenders import Contender, Pgbench, script_folder
from benchmarks.ground import Ground

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "accompany-bench-peers"
INSTALLING_TAKES = 300

# What its install.sh runs, but for the extension: PostgreSQL has had gen_random_uuid of its own since version 13.
MESSAGE_DB = (
    "roles/message-store",
    "schema/message-store",
    "tables/messages",
    "types/message",
    "functions/message-store-version",
    "functions/hash-64",
    "functions/acquire-lock",
    "functions/category",
    "functions/is-category",
    "functions/id",
    "functions/cardinal-id",
    "functions/stream-version",
    "functions/write-message",
    "indexes/messages-id",
    "indexes/messages-stream",
    "indexes/messages-category",
)
WRITE_MESSAGE = """
    SELECT write_message(gen_random_uuid()::varchar, ('mentorship-' || gen_random_uuid())::varchar, 'SessionHeld'::varchar,
        :state::jsonb, NULL::jsonb, -1);
"""


class FromNpm:
    """An event store in a Node process with as many clients, each waiting for its answer."""

    def __init__(self, name: str, dsn: str, folder: Path) -> None:
        self.name = name
        self.dsn = dsn
        self._folder = folder

    def run(self, clients: int, seconds: float) -> float:
        done = subprocess.run(
            ["node", self._folder / "append.mjs", self.name, str(clients), str(seconds)],  # noqa: S607  found above
            cwd=self._folder,
            env=_environment(self.dsn),
            capture_output=True,
            text=True,
            check=True,
            timeout=seconds + 60,
        )
        return float(json.loads(done.stdout.splitlines()[-1])["rate"])


def peers(ground: Ground) -> tuple[list[Contender], str]:
    """Those that could be installed, and why others could not."""
    if not (shutil.which("npm") and shutil.which("node")):
        return [], "emmett, castore and message-db were left out: there is no npm on this machine."
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "append.mjs"):
        shutil.copy(script_folder() / name, CACHE)
    try:
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],  # noqa: S607  found above
            cwd=CACHE,
            capture_output=True,
            check=True,
            timeout=INSTALLING_TAKES,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return [], "emmett, castore and message-db were left out: npm could not install them."
    return [
        FromNpm("emmett", ground.empty_database(), CACHE),
        FromNpm("castore", ground.empty_database(), CACHE),
        _message_db(ground, CACHE / "node_modules" / "@eventide" / "message-db" / "database"),
    ], ""


def _message_db(ground: Ground, scripts: Path) -> Pgbench:
    """Its own SQL function, asked by pgbench, which leaves the machine more time than a client in Node would."""
    dsn = ground.empty_database()
    with psycopg.connect(dsn, autocommit=True, options="-c search_path=message_store,public") as connection:
        for name in MESSAGE_DB:
            connection.execute((scripts / f"{name}.sql").read_bytes())
        connection.execute("ALTER DATABASE " + connection.info.dbname + " SET search_path = message_store, public")
    state = json.dumps({"text": "x" * 588})
    return Pgbench("message-db, asked by pgbench", ground, dsn, WRITE_MESSAGE, "-D", f"state={state}")


def _environment(dsn: str) -> dict[str, str]:
    """The login as libpq's variables, since a socket's folder in a URL is not understood by all of Node's drivers."""
    settings = conninfo_to_dict(dsn)
    return {
        **os.environ,
        "DATABASE_URL": f"postgresql:///{settings['dbname']}",
        "PGHOST": str(settings["host"]),
        "PGPORT": str(settings["port"]),
        "PGUSER": str(settings["user"]),
        "PGPASSWORD": str(settings["password"]),
    }
