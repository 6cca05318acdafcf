"""The search index on the command line: doctor shows how far it is, and a command fills it anew."""

from pathlib import Path
from typing import Any

from tests.cli.running import answer, environment, run
from tests.installations import small_caseload


def test_the_index_is_filled_by_a_command_and_doctor_shows_how_far_it_is(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)

    def index() -> Any:
        [found] = [one for one in answer("doctor", env=env)["checks"] if one["check"] == "search index"]
        return found

    behind = index()
    assert behind["state"] == "warning"
    assert not behind["found"].startswith("0 events behind")
    for _ in range(2):
        done = run("rebuild", "search", env=env)
        assert done.returncode == 0, done.stderr
        assert (index()["state"], index()["found"][:15]) == ("ok", "0 events behind")
    assert run("rebuild", "no-such-projection", env=env).returncode == 3
