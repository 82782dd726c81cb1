"""Evidence as JSON for scripts: kind, time, values, and the sentence last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from backends.liveness.evidence import Evidence
from tui.text.timestamps import utc_stamp

IDS = frozenset({"worker", "expected", "found", "in_key", "in_body"})
"""Values that are ids (u64): written as lower-case hex, because JSON tools round numbers over 2^53.
"""


def exported_evidence(evidence: Iterable[Evidence]) -> list[dict[str, Any]]:
    """Return an object for each piece of evidence. None: an unknown value."""
    return [
        {
            "evidence_kind": one.kind.value,
            "at": _stamp_or_none(one.at),
            **_values(one.values),
            "text": one.text,
        }
        for one in evidence
    ]


def _values(of: msgspec.Struct) -> dict[str, Any]:
    return {one: _value(one, getattr(of, one)) for one in of.__struct_fields__}


def _value(name: str, value: Any) -> Any:
    if name in IDS:
        return f"{value:x}"
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, tuple):
        return [_values(one) if isinstance(one, msgspec.Struct) else one for one in value]
    return value


def _stamp_or_none(at: float) -> str | None:
    """Return the time as text. None: a file's time that no calendar has."""
    try:
        return utc_stamp(at)
    except (OverflowError, ValueError, OSError):
        return None
