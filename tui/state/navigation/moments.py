"""The revisions and times that may be typed after `:`. No Textual in here."""

from __future__ import annotations

from tui.state.past.moves import ToRevision
from tui.state.reported_removals import Notice
from tui.text.past.typed_time import TypedTime, read_time
from tui.text.sanitize import plain

DIGITS = 19
"""No store counts further."""


def revision_named(text: str) -> ToRevision | Notice:
    """Return the move to a revision, which may have separators: `48,211`."""
    digits = text.replace(",", "").replace("_", "")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= DIGITS
    if not is_number or not int(digits):
        return Notice(f"{plain(text)} is no revision: :rev takes a number from 1 on.", "warning")
    return ToRevision(int(digits))


def time_named(text: str) -> TypedTime | Notice:
    """Return the time that a text names."""
    try:
        return read_time(text)
    except ValueError as error:
        return Notice(f"{plain(str(error))}.", "warning")
