"""How cells stand in a file of what an import refused, and how such a file is written: whole, and for its owner alone.

The file is UTF-8 with a byte order mark and commas. What it holds is said in `adapters.caseload.refusals`.
"""

import csv
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

LEADING = ("file", "line", "column", "reason", "message", "read_as")
# The last four are the full-width = + - @, which some spreadsheets calculate as well.
_CALCULATED = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"


def show(cell: str) -> str:
    """The cell as it stands in the file of refusals; `unshow` turns it back exactly."""
    shown = re.sub("[\0\ud800-\udfff⟦]", lambda found: f"⟦{ord(found[0]):04X}⟧", cell)
    return f"'{shown}" if re.match(rf"'*{_CALCULATED}", shown) else shown


def unshow(shown: str) -> str:
    cell = shown[1:] if re.match(rf"'+{_CALCULATED}", shown) else shown
    return re.sub("⟦(0000|D[89A-F][0-9A-F]{2}|27E6)⟧", lambda found: chr(int(found[1], 16)), cell)


def replace_private(path: Path, lines: Iterable[Iterable[str]]) -> None:
    """Writes cells, as they are shown, to a file of refusals in one step."""
    # Made for its owner alone, from the first byte on.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, lineterminator="\r\n").writerows(lines)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
