"""The copy as a PDF that people can read, names and words in the direction of their own script. Needs the extra `pdf`."""

from importlib.resources import files
from importlib.util import find_spec
from typing import Any, ClassVar

import msgspec

from adapters.export.gathering import Copy, CopyEntry, Look

# More make a table that nobody reads; all of them are in the JSON copy.
LOOKS_SHOWN = 500

EXPLAINED = {
    True: "Codes such as cw07 stand for members of the organisation, who can tell you who that was.",
    False: "",
}


class PdfNotInstalled(Exception):
    """The program that sets pages is an extra, since it is large."""

    code: ClassVar[str] = "pdf-not-installed"

    def __init__(self) -> None:
        super().__init__(
            "PDF copies need one more package on this machine: pip install 'accompany[pdf]'. Or take the JSON copy."
        )


def can_make_pdf() -> bool:
    """Whether the extra is here, so that nobody is offered what can't be made."""
    return find_spec("typst") is not None


def as_pdf(copy: Copy) -> bytes:
    """Raises PdfNotInstalled. Nothing is written to any file on the way. Takes some tenths of a second of CPU: not for the event loop."""
    try:
        import typst  # noqa: PLC0415 - an extra
    except ImportError:
        raise PdfNotInstalled from None
    template = files("adapters.export").joinpath("copy.typ").read_bytes()
    told = msgspec.json.encode(_told(copy)).decode()
    pdf: bytes = typst.compile(template, sys_inputs={"copy": told})
    return pdf


def _told(copy: Copy) -> dict[str, Any]:
    about_self = [entry for entry in copy.entries if entry.part == "self"]
    records = dict.fromkeys(entry.record_id for entry in copy.entries if entry.part != "self")
    sections = [{"title": "About you", "entries": [_entry(entry) for entry in about_self]}]
    for number, record_id in enumerate(records, 1):
        entries = [entry for entry in copy.entries if entry.record_id == record_id]
        as_what = "the trainee" if entries[0].part == "trainee" else "the mentor"
        sections.append(
            {"title": f"Mentorship {number}, as {as_what}", "entries": [_entry(entry) for entry in entries]}
        )
    looks = copy.looks[::-1][:LOOKS_SHOWN]
    return {
        "organisation": copy.organisation,
        "made_on": copy.made_at.date().isoformat(),
        "name": copy.name,
        "person_id": str(copy.person_id),
        "explained": EXPLAINED[bool(copy.entries)],
        "sections": sections,
        "looks": [_look(look) for look in looks],
        "looks_left_out": len(copy.looks) - len(looks),
    }


def _entry(entry: CopyEntry) -> dict[str, Any]:
    provenance = f"No. {entry.version}. Recorded by {entry.recorded_by} on {entry.recorded_at:%Y-%m-%d %H:%M} UTC"
    if entry.relied_on is not None:
        provenance += f", on your consent no. {entry.relied_on}"
    notes = []
    if entry.corrects is not None:
        notes.append(f"This is about no. {entry.corrects}.")
    if entry.corrected_by:
        notes.append(f"Put right later: see no. {', '.join(map(str, entry.corrected_by))}.")
    return {
        "title": _words(entry.topic),
        "day": entry.occurred_on.isoformat(),
        "provenance": provenance,
        "fields": [
            [_words(name), _text(value)] for name, value in entry.fields.items() if value not in (None, "", [], {})
        ],
        "notes": " ".join(notes),
    }


def _look(look: Look) -> list[str]:
    ground = look.purpose or look.legal_basis or ""
    consent = f", consent no. {look.consent}" if look.consent is not None else ""
    return [f"{look.at:%Y-%m-%d %H:%M}", f"{look.by} ({look.role})", look.asked_for, f"{ground}{consent}"]


def _words(code: str) -> str:
    text = code.replace("_", " ").replace("-", " ")
    return text[:1].upper() + text[1:]


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case dict():
            return "; ".join(
                f"{_words(str(name)).lower()}: {_text(one)}" for name, one in value.items() if one not in (None, "")
            )
        case list() | tuple():
            return ", ".join(_text(one) for one in value)
    return str(value)
