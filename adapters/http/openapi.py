"""Writes the API document to docs/openapi.json, or with --check says whether the one there is the one that is answered.

python -m adapters.http.openapi [--check]
"""

import json
import sys
from pathlib import Path
from typing import cast

from adapters.http.app import routed
from adapters.http.parts import Parts

FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def document() -> str:
    """The document as JSON, the same each time."""
    # No route is called, so that none misses its parts.
    app = routed(cast(Parts, None))
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """The exit code: 1 where --check finds a difference, 2 for any other argument."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m adapters.http.openapi [--check]\n")
        return 2
    if not arguments:
        FILE.write_text(document(), encoding="utf-8")
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == document():
        return 0
    sys.stderr.write("docs/openapi.json is not what the service answers. Run: python -m adapters.http.openapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
