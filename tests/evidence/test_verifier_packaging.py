"""The verifier as an auditor gets it: a distribution of its own, where nothing else of ours is, and the file from a bundle."""

import ast
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from audit.bundle import packed
from audit.verifier import accompany_verify
from tests.evidence.small_log import contents, requested

ROOT = Path(__file__).parents[2]
VERIFIER = ROOT / "audit" / "verifier"
# A fresh environment: nothing that a developer's shell tells Python reaches it.
CLEAN = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME")}


def uv(*arguments: object) -> None:
    """From what is at hand, or else from the network."""
    program = shutil.which("uv", path=f"{ROOT / '.uv' / 'bin'}:{os.environ.get('PATH', '')}")
    if program is None:
        pytest.skip("uv is not on PATH and not in .uv")
    tried = None
    for offline in (["--offline"], []):
        command = [program, *map(str, arguments), *offline, "--quiet"]
        tried = subprocess.run(command, env=CLEAN, capture_output=True, text=True, timeout=300, check=False)
        if tried.returncode == 0:
            return
    assert tried is not None
    if "CI" not in os.environ and "dns" in tried.stderr.lower():
        pytest.skip("its dependencies are not at hand, and the network isn't either")
    raise AssertionError(tried.stderr)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("auditor") / "bundle.zip"
    path.write_bytes(packed(contents(requested())))
    return path


def run(directory: Path, *command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)], cwd=directory, env=CLEAN, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_wheel_runs_in_an_environment_with_its_dependencies_alone(bundle: Path, tmp_path: Path) -> None:
    uv("build", "--wheel", "--out-dir", tmp_path / "dist", VERIFIER)
    [wheel] = (tmp_path / "dist").glob("*.whl")
    assert [name for name in zipfile.ZipFile(wheel).namelist() if "dist-info" not in name] == ["accompany_verify.py"]
    place = tmp_path / "environment"
    uv("venv", "--python", sys.executable, place)
    uv("pip", "install", "--python", place / "bin" / "python", wheel)
    listed = run(
        tmp_path,
        place / "bin" / "python",
        "-c",
        "import importlib.metadata as m; print({d.name for d in m.distributions()})",
    )
    assert ast.literal_eval(listed.stdout) >= {"accompany-verify", "cryptography"}
    assert ast.literal_eval(listed.stdout) <= {
        "accompany-verify", "cryptography", "rfc3161-client", "cffi", "pycparser", "typing_extensions"
    }  # fmt: skip
    checked = run(tmp_path, place / "bin" / "accompany-verify", bundle)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "All that was checked holds." in checked.stdout
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(bundle.read_bytes().replace(b"accompaniment-recorded", b"accompaniment-recordee"))
    assert run(tmp_path, place / "bin" / "accompany-verify", damaged).returncode == 3
    assert run(tmp_path, place / "bin" / "accompany-verify").returncode == 2


def test_the_file_in_the_bundle_checks_the_bundle_it_came_in(bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        archive.extract("accompany_verify.py", tmp_path)
    checked = run(tmp_path, sys.executable, "-I", "-W", "error", "accompany_verify.py", bundle)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_it_is_written_for_the_python_of_an_auditor() -> None:
    ast.parse(Path(accompany_verify.__file__).read_text("utf-8"), feature_version=(3, 10))
