"""The lines of the audit, both ways: an object of JSON each, that says of itself what it is.

    removing   one key with all that is known of it
    outcome    what came of one act
    restored   what came of putting items of an act back

Lines are ASCII: whatever is in a key or value, no terminal and no other tool meets anything but
printable characters.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, TypeAdapter

from backends.removal.audit.act import ActKind, Item, Operation, as_text, spell_outcome
from backends.removal.outcomes import KeyOutcome
from backends.store import Entry, Revision

_Text = Annotated[
    str, BeforeValidator(lambda text: as_text(text) if isinstance(text, str) else text)
]
_Lease = Annotated[str, Field(pattern=r"^[0-9a-f]{1,16}$")]

_ID = re.compile(rb'"id":"([0-9]{8}-[0-9]{6}-[0-9a-f]{4})"')
"""Of an act, in a line of the audit: inside a key or value, quotes are escaped."""


class Result(BaseModel):
    """What came of one item, as `spell_outcome` has it."""

    model_config = ConfigDict(defer_build=True)

    item: PositiveInt
    outcome: str
    problem: _Text = ""


class _Line(BaseModel):
    # A later version may add fields, and raises `v` if older ones must not read what it wrote.
    model_config = ConfigDict(frozen=True, allow_inf_nan=False, defer_build=True)

    v: Literal[1] = 1


class RemovingLine(_Line):
    """One item of an act, and what it shares with the other items."""

    line: Literal["removing"] = "removing"
    id: str
    item: PositiveInt
    at: float
    """POSIX seconds, as in all lines."""
    kind: ActKind
    store: _Text
    address: _Text
    user: _Text
    host: _Text
    verdict: _Text
    evidence: tuple[_Text, ...]
    key: str | None = None
    key_base64: str | None = None
    """Instead of `key` where that is not UTF-8. So is the next one."""
    value: str | None = None
    value_base64: str | None = None
    value_unread: _Text | None = None
    """Instead of both, where the value was not known in full: why."""
    revision: _Text
    lease: _Lease | None = None
    """In hex, since many JSON tools round numbers over 2^53."""
    expired_at: float | None = None

    def as_item(self) -> Item:
        """The item. Raises ValueError for a line without a key or value."""
        unread = self.value_unread or ""
        entry = Entry(
            bytes_of(self.key, self.key_base64),
            b"" if unread else bytes_of(self.value, self.value_base64),
            Revision(self.revision),
            None if self.lease is None else int(self.lease, 16),
            self.expired_at,
            unread,
        )
        return Item(self.item, entry, self.verdict, self.evidence)


class OutcomeLine(_Line):
    """What came of items of an act."""

    line: Literal["outcome"] = "outcome"
    id: str
    at: float
    outcomes: tuple[Result, ...]


class RestoredLine(_Line):
    """What came of putting items of an act back."""

    line: Literal["restored"] = "restored"
    id: str
    at: float
    user: _Text
    host: _Text
    """Of whoever put it back."""
    outcomes: tuple[Result, ...]


Line = RemovingLine | OutcomeLine | RestoredLine

_LINES: TypeAdapter[Line] = TypeAdapter(
    Annotated[Line, Field(discriminator="line")], config=ConfigDict(defer_build=True)
)


def read_line(content: bytes) -> Line:
    """A line, with or without its end. Raises ValueError for what is none of this version."""
    return _LINES.validate_json(content)


def removing(act: Operation) -> bytes:
    """The lines of an act that is about to be done, one for each item."""
    return b"".join(
        _encoded(
            RemovingLine(
                id=act.id,
                item=item.number,
                at=act.at,
                kind=act.kind,
                store=act.store,
                address=act.address,
                user=act.user,
                host=act.host,
                verdict=item.verdict,
                evidence=item.evidence,
                key=text_of(item.entry.key),
                key_base64=base64_of(item.entry.key),
                value=None if item.entry.unread else text_of(item.entry.value),
                value_base64=None if item.entry.unread else base64_of(item.entry.value),
                value_unread=item.entry.unread or None,
                revision=item.entry.revision,
                lease=None if item.entry.lease is None else f"{item.entry.lease:x}",
                expired_at=item.entry.expired_at,
            )
        )
        for item in act.items
    )


def outcome(act: Operation, at: float, outcomes: Mapping[bytes, KeyOutcome]) -> bytes:
    """The line that says at `at` (POSIX seconds) what came of an act, by key."""
    return _encoded(OutcomeLine(id=act.id, at=at, outcomes=_results(act, outcomes)))


def restored(
    act: Operation, at: float, user: str, host: str, outcomes: Mapping[bytes, KeyOutcome]
) -> bytes:
    """The line that says at `at` (POSIX seconds) what came of putting items back, by key."""
    line = RestoredLine(id=act.id, at=at, user=user, host=host, outcomes=_results(act, outcomes))
    return _encoded(line)


def _results(act: Operation, outcomes: Mapping[bytes, KeyOutcome]) -> tuple[Result, ...]:
    results = []
    for item in act.items:
        if item.entry.key in outcomes:
            in_words, problem = spell_outcome(outcomes[item.entry.key])
            results.append(Result(item=item.number, outcome=in_words, problem=problem))
    return tuple(results)


def _encoded(line: Line) -> bytes:
    text = json.dumps(line.model_dump(exclude_none=True), separators=(",", ":"))
    # The one control character that JSON does not escape.
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def ids_in(content: bytes) -> set[str]:
    """The ids of all acts in lines of the audit, without reading the lines: that takes longer."""
    return {act_id.decode() for act_id in _ID.findall(content)}


def text_of(content: bytes) -> str | None:
    """The bytes as text. None for what is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def base64_of(content: bytes) -> str | None:
    """The bytes in base64. None for what is UTF-8: `text_of` gives that."""
    return None if text_of(content) is not None else base64.b64encode(content).decode()


def bytes_of(text: str | None, in_base64: str | None) -> bytes:
    """The bytes of which `text_of` and `base64_of` gave these. Raises ValueError if it is neither,
    or not base64."""
    if text is not None:
        return text.encode("utf-8")
    if in_base64 is None:
        raise ValueError("neither as text nor as base64")
    return base64.b64decode(in_base64, validate=True)
