"""The difference between two contents of a key: in few words, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backends.discovery.past_records import RecordChange
from backends.dynamo.field_changes import FieldChange, field_changes
from backends.dynamo.records import AnyRecord
from tui.text.json_export import as_json
from tui.text.sanitize import clip

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
KINDS = (ADDED, REMOVED, CHANGED)

LONGEST_VALUE = 48
"""Characters of a value in a sentence."""
TOO_LARGE = "a number that is too large"
"""Stands for a value with a number such as 1e999, which is JSON and which Python has no name for.
"""


def kind_of_change(change: RecordChange) -> str:
    """Return what happened to a record, in one word of `KINDS`."""
    if change.previous is None:
        return ADDED
    return REMOVED if change.record is None else CHANGED


def fields_of(change: RecordChange) -> Sequence[FieldChange] | None:
    """Return the fields of the value that differ. None: it came or went, or cannot be compared."""
    if change.record is None or change.previous is None:
        return None
    if change.record.unread or change.previous.unread:
        return None
    return field_changes(change.previous.entry.value, change.record.entry.value)


def change_text(change: RecordChange) -> str:
    """Return what is different, the lease first. Empty: the record came or went. May hold
    untrusted text."""
    record, previous = change.record, change.previous
    if record is None or previous is None:
        return previous.unread if previous is not None else ""
    parts = [_lease_text(previous, record)] if previous.lease != record.lease else []
    fields = fields_of(change)
    if fields is None:
        parts.append(previous.unread or record.unread or "another value, which is no JSON")
    elif fields:
        parts += map(_field_text, fields)
    elif previous.entry.value != record.entry.value:
        parts.append("the same fields, spelled otherwise")
    return "; ".join(parts) or "written again, the same"


def _lease_text(previous: AnyRecord, record: AnyRecord) -> str:
    was, now = ("none" if one is None else f"{one:x}" for one in (previous.lease, record.lease))
    return f"lease {was} → {now}"


def _field_text(field: FieldChange) -> str:
    name = field.path or "value"
    if field.came:
        return f"{name} new: {_value_text(field.after)}"
    if field.went:
        return f"{name} gone: {_value_text(field.before)}"
    return f"{name} {_value_text(field.before)} → {_value_text(field.after)}"


def _value_text(value: object) -> str:
    text = value if isinstance(value, str) and value else _as_json(_exported(value))
    return clip(text, LONGEST_VALUE)


def _as_json(value: object) -> str:
    return as_json({"": value})[len('{"":') : -1]


def _exported(value: object) -> object:
    """Return a value that JSON has a spelling for."""
    try:
        _as_json(value)
    except ValueError:
        return TOO_LARGE
    return value


def exported_fields(change: RecordChange) -> list[dict[str, Any]] | None:
    """Return the fields that differ as objects: `path`, and `before` and `after` as far as there
    was such a field. None: the record came or went, or cannot be compared."""
    if (fields := fields_of(change)) is None:
        return None
    return [
        {"path": one.path}
        | ({} if one.came else {"before": _exported(one.before)})
        | ({} if one.went else {"after": _exported(one.after)})
        for one in fields
    ]
