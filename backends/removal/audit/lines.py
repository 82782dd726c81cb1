"""The lines of the audit, both ways: JSON objects with a type each.

    removing   one key with all its details
    outcome    the outcomes of one act
    restored   the outcomes of putting items of an act back

Lines are printable ASCII, whatever keys and values contain: harmless to terminals and other tools.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, TypeAdapter

from backends.removal.audit.operation import Item, Operation, OperationKind, as_text, spell_outcome
from backends.removal.outcomes import KeyOutcome
from backends.store import Entry, Mode, Owner, PodLabel, Revision

_Text = Annotated[
    str, BeforeValidator(lambda text: as_text(text) if isinstance(text, str) else text)
]
_Lease = Annotated[str, Field(pattern=r"^[0-9a-f]{1,16}$")]

_ID = re.compile(rb'"id":"([0-9]{8}-[0-9]{6}-[0-9a-f]{4})"')
"""The id of an act in a line: within keys and values, quotes are escaped."""


class Result(BaseModel):
    """The outcome of one item, in the words of `spell_outcome`."""

    model_config = ConfigDict(defer_build=True)

    item: PositiveInt
    outcome: str
    problem: _Text = ""


class _Line(BaseModel):
    # A later version may add fields. It raises `v` if older ones must not read its lines.
    model_config = ConfigDict(frozen=True, allow_inf_nan=False, defer_build=True)

    v: Literal[1] = 1


class OwnerLine(BaseModel):
    """The object that held an entry, and its pod (Kubernetes): what it takes to put it back."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    namespace: _Text
    """The Kubernetes namespace."""
    name: _Text
    uid: _Text
    mode: Mode
    pod_name: _Text = ""
    pod_uid: _Text = ""

    @classmethod
    def of(cls, owner: Owner) -> OwnerLine:
        """Return the line of an owner."""
        return cls(
            namespace=owner.namespace,
            name=owner.name,
            uid=owner.uid,
            mode=owner.mode,
            pod_name=owner.pod_name,
            pod_uid=owner.pod_uid,
        )

    def as_owner(self) -> Owner:
        """Return the owner, of whose process nothing is known now."""
        return Owner(
            self.namespace,
            self.name,
            self.uid,
            self.mode,
            pod_name=self.pod_name,
            pod_uid=self.pod_uid,
        )


class LabelLine(BaseModel):
    """The label of a pod that is taken off or put back."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    namespace: _Text
    pod: _Text
    uid: _Text
    """Of the pod."""
    name: _Text
    value: _Text

    @classmethod
    def of(cls, label: PodLabel) -> LabelLine:
        """Return the line of a label."""
        return cls(
            namespace=label.namespace,
            pod=label.pod,
            uid=label.uid,
            name=label.name,
            value=label.value,
        )

    def as_label(self) -> PodLabel:
        """Return the label."""
        return PodLabel(self.namespace, self.pod, self.uid, self.name, self.value)


class RemovingLine(_Line):
    """One item of an act, with the fields that all its items share."""

    line: Literal["removing"] = "removing"
    id: str
    item: PositiveInt
    at: float
    """POSIX seconds, as in all lines."""
    kind: OperationKind
    store: _Text
    address: _Text
    user: _Text
    host: _Text
    verdict: _Text
    evidence: tuple[_Text, ...]
    key: str | None = None
    key_base64: str | None = None
    """Replaces `key` if that is not UTF-8. The next one likewise."""
    value: str | None = None
    value_base64: str | None = None
    value_unread: _Text | None = None
    """Replaces both if the value is not known in full: the reason."""
    revision: _Text
    lease: _Lease | None = None
    """In hex: many JSON tools round numbers over 2^53."""
    expired_at: float | None = None
    owner: OwnerLine | None = None
    """Versions that know no owners pass over it."""
    label: LabelLine | None = None
    """Of a lasting drain, whose kind older versions do not know: they leave the line out."""

    def as_item(self) -> Item:
        """Return the item. Raises ValueError for a line without a key or value."""
        unread = self.value_unread or ""
        entry = Entry(
            bytes_of(self.key, self.key_base64),
            b"" if unread else bytes_of(self.value, self.value_base64),
            Revision(self.revision),
            None if self.lease is None else int(self.lease, 16),
            self.expired_at,
            unread,
            owner=None if self.owner is None else self.owner.as_owner(),
        )
        label = None if self.label is None else self.label.as_label()
        return Item(self.item, entry, self.verdict, self.evidence, label=label)


class OutcomeLine(_Line):
    """The outcomes of items of an act."""

    line: Literal["outcome"] = "outcome"
    id: str
    at: float
    outcomes: tuple[Result, ...]


class RestoredLine(_Line):
    """The outcomes of putting items of an act back."""

    line: Literal["restored"] = "restored"
    id: str
    at: float
    user: _Text
    host: _Text
    """The author of that, and the machine."""
    outcomes: tuple[Result, ...]


Line = RemovingLine | OutcomeLine | RestoredLine

_LINES: TypeAdapter[Line] = TypeAdapter(
    Annotated[Line, Field(discriminator="line")], config=ConfigDict(defer_build=True)
)


def read_line(content: bytes) -> Line:
    """Return a parsed line, with or without its end. Raises ValueError for a line of another
    version."""
    return _LINES.validate_json(content)


def removing(act: Operation) -> bytes:
    """Return the lines of an act about to happen, one for each item."""
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
                owner=None if item.entry.owner is None else OwnerLine.of(item.entry.owner),
                label=None if item.label is None else LabelLine.of(item.label),
            )
        )
        for item in act.items
    )


def outcome(act: Operation, at: float, outcomes: Mapping[bytes, KeyOutcome]) -> bytes:
    """Return the line with the outcomes of an act at `at` (POSIX seconds), by key."""
    return _encoded(OutcomeLine(id=act.id, at=at, outcomes=_results(act, outcomes)))


def restored(
    act: Operation, at: float, user: str, host: str, outcomes: Mapping[bytes, KeyOutcome]
) -> bytes:
    """Return the line with the outcomes of putting items back at `at` (POSIX seconds), by key."""
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
    # The only control character that JSON does not escape.
    return text.replace("\x7f", "\\u007f").encode("ascii") + b"\n"


def ids_in(content: bytes) -> set[str]:
    """Return the ids of all acts in lines of the audit. Faster than parsing the lines."""
    return {act_id.decode() for act_id in _ID.findall(content)}


def text_of(content: bytes) -> str | None:
    """Return bytes as text. None: they are not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def base64_of(content: bytes) -> str | None:
    """Return bytes in base64. None: they are UTF-8, see `text_of`."""
    return None if text_of(content) is not None else base64.b64encode(content).decode()


def bytes_of(text: str | None, in_base64: str | None) -> bytes:
    """Return the bytes of a `text_of` or `base64_of`. Raises ValueError for neither, or bad
    base64."""
    if text is not None:
        return text.encode("utf-8")
    if in_base64 is None:
        raise ValueError("neither as text nor as base64")
    return base64.b64decode(in_base64, validate=True)
