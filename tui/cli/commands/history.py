"""`dyntop history`: list removals and restores by hand, from the audit; needs no store."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from backends.dynamo import keys
from backends.removal.audit.operation import Item, Operation
from backends.removal.audit.trail import Trail
from tui.cli.shared.audit_file import audit_at, when
from tui.cli.tables import write_table
from tui.runtime.standard_streams import end_at_once_on_interrupt, print_message, write_lines
from tui.text.errors import Exit
from tui.text.format import count
from tui.text.json_export import as_json, hex_or_none, json_list
from tui.text.sanitize import plain, plain_key

NOT_RECORDED = "not recorded"
"""dyntop was killed before it wrote the outcome."""

HEADER = ("ID", "TIME", "ACT", "BY", "STORE", "OUTCOME", "RESTORED", "VERDICT", "KEY")


def run(path: Path, arguments: argparse.Namespace) -> Exit:
    """Print the acts of the audit at `path`, the newest last.

    Raises `AuditFailed`, `OutputFailed`, BrokenPipeError.
    """
    end_at_once_on_interrupt()
    if not path.is_absolute():
        print_message(
            f"there is no audit at {path}, since this user has no home: set XDG_STATE_HOME"
        )
        trail = Trail((), 0)
    else:
        trail = audit_at(path).read()
    acts = trail.acts if arguments.last is None else trail.acts[-arguments.last :]
    if arguments.output == "json":
        write_lines(json_list(map(_json, acts)))
    else:
        write_table(HEADER, _rows(acts))
    if trail.unreadable:
        lines = count(trail.unreadable, "line")
        print_message(
            f"{lines} of {path} cannot be read (cut off, or of another version), and left out"
        )
    if not acts and path.is_absolute() and arguments.output != "json":
        print_message(f"{path} has no removals yet")
    return Exit.DONE


def _rows(acts: Sequence[Operation]) -> Iterator[tuple[str, ...]]:
    """Yield one row for each key."""
    for act in acts:
        for item in act.items:
            yield (
                f"{act.id}.{item.number}",
                when(act.at),
                act.kind,
                f"{act.user}@{act.host}",
                f"{act.store} {act.address}",
                item.outcome or NOT_RECORDED,
                item.restored or "",
                item.verdict,
                plain_key(item.entry.key) if item.label is None else plain(item.label.pod_path),
            )


def _json(act: Operation) -> str:
    return as_json(
        {
            "id": act.id,
            "time": when(act.at),
            "act": act.kind,
            "user": act.user,
            "host": act.host,
            "store": act.store,
            "address": act.address,
            "keys": [_item(item) for item in act.items],
        }
    )


def _item(item: Item) -> dict[str, str | int | list[str] | None]:
    entry = item.entry
    return {
        "number": item.number,
        "key": keys.spell(entry.key),
        "lease": hex_or_none(entry.lease),
        "revision": entry.revision,
        "verdict": item.verdict,
        "evidence": list(item.evidence),
        "outcome": item.outcome,
        "restored": item.restored,
        "restored_time": None if item.restored_at is None else when(item.restored_at),
        "problem": item.problem or None,
        "unread": entry.unread or None,
        "pod": None if item.label is None else item.label.pod_path,
        "label": None if item.label is None else item.label.text,
    }
