"""Reasons why a removed record cannot be put back, as sentences for the question.

No Textual in here. Untrusted text is not escaped yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from backends.dynamo.records import AnyRecord
from backends.store import NoPuts
from tui.text.format import count

LEASE_GONE = "its lease no longer exists, so its worker is gone"


def why_lost(record: AnyRecord, *, lease_gone: bool) -> str | None:
    """Return a clause on why this record can never be put back. None: no reason is known."""
    if record.unread:
        return f"its value is unknown ({record.unread})"
    return LEASE_GONE if lease_gone else None


def cannot_be_undone(
    records: Sequence[AnyRecord],
    no_puts: Iterable[NoPuts],
    lease_gone: Callable[[AnyRecord], bool],
) -> list[str]:
    """Return a sentence for each reason why some of these records cannot be put back once removed.

    `no_puts`: what the store cannot put now. `lease_gone`: whether a record's lease is known to be
    gone.
    """
    sentences = []
    for one in no_puts:
        concerned = sum(one.concerns(record.key) for record in records)
        if concerned:
            sentences.append(f"{_which(concerned, records)} be undone now: {one.reason}.")
    lost: dict[str, int] = {}
    for record in records:
        why = why_lost(record, lease_gone=lease_gone(record))
        if why is not None:
            lost[why] = lost.get(why, 0) + 1
    return sentences + [
        f"{_which(number, records)} be undone: {why}." for why, number in lost.items()
    ]


def _which(number: int, records: Sequence[AnyRecord]) -> str:
    if number == len(records):
        return "This cannot"
    return f"Of {number:,} of {count(len(records), 'key')} this cannot"
