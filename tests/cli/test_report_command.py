"""`accompany report prepare`, and that nothing else loads the solver."""

import subprocess
import sys
from pathlib import Path

from tests.cli.running import answer, environment, run
from tests.installations import small_caseload


def test_nothing_but_preparing_a_report_loads_the_solver() -> None:
    program = "import sys, adapters.cli, adapters.http.app; sys.exit(bool({'scipy', 'numpy'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_report_is_prepared_on_the_command_line(tmp_path: Path, database: str) -> None:
    env = environment(tmp_path / "data", DATABASE_URL=database)
    run("import", str(small_caseload(tmp_path / "caseload")), env=env)
    told = answer("report", "prepare", "--member", "cw01", "--quarter", "2025-Q1", env=env)
    assert told["quarter"] == "2025-01-01 to 2025-03-31"
    assert told["method"] == "cheapest"
    assert told["kept_back"] >= 1, "the one trainee who was served and has not consented to be counted"
    shown = run("report", "prepare", "--member", "cw01", "--quarter", "2025-Q4", "--round", env=env)
    assert shown.returncode == 0, shown.stderr
    assert "/reports/" in shown.stderr
    for quarter, code in (("2025-5", "quarter-not-understood"), ("2190-Q4", "quarter-not-over")):
        refused = run("report", "prepare", "--member", "cw01", "--quarter", quarter, env=env)
        assert (refused.returncode, refused.stdout) == (3, "")
        assert code in refused.stderr
