"""Compare model cards field by field: those that Dynamo's checksum covers first, then all others.

Pure, and bounded: a card may have a megabyte of fields, or be nested as deep as JSON can be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from backends.dynamo.card_checksum import FILES, PLAIN_FIELDS, CardJson, covered

MOST_FIELDS = 5_000
"""Fields that are compared, of those covered and of the others each: fifty times what a card has.
"""
DEEPEST = 24
"""Levels below which a value is compared as a whole."""

_COVERED_AS_THEY_ARE = frozenset({*PLAIN_FIELDS, "worker_type", "needs", "aliases"})
_COMPUTED = {name: f"{name} (checksum)" for name in FILES} | {
    "context_length": "context_length (effective)"
}
"""Covered fields of which the checksum covers another value than the card's."""
_CONTEXT_LENGTHS = ("architectural_max_context_length", "context_length")

_TOO_DEEP = "nested too deeply to be shown"

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class ComparedField(msgspec.Struct, frozen=True):
    """One field of several cards."""

    path: str
    """`runtime_config.max_num_seqs`, or `tokenizer (checksum)` for a value that is computed. May
    hold untrusted text."""
    values: tuple[str | None, ...]
    """As JSON, a text without its quotes; of each card, in order. None: the card has no such
    field, or null where the checksum takes that for the same."""
    is_covered: bool
    """Whether Dynamo 1.6.1's checksum covers it. Then it is what the checksum is computed of: of a
    file its checksum, and of the context length the effective one."""
    differs: bool


class CardComparison(msgspec.Struct, frozen=True):
    """Several cards, field by field."""

    fields: tuple[ComparedField, ...]
    """Those that the checksum covers first; of each kind in the order of the cards' fields."""
    is_whole: bool
    """Whether all fields were compared."""

    @property
    def differing(self) -> tuple[ComparedField, ...]:
        """The fields that differ."""
        return tuple(one for one in self.fields if one.differs)


def compare(cards: Sequence[CardJson]) -> CardComparison:
    """Compare cards, as `card_json` returns them. Never raises."""
    by_checksum = [_by_checksum(card) for card in cards]
    lengths = [one.get("context_length", _MISSING) for one in by_checksum]
    differ = not _are_equal(lengths)
    others = [_not_covered(card, skip_lengths=differ) for card in cards]
    fields: list[ComparedField] = []
    is_whole = True
    for some, is_covered in ((by_checksum, True), (others, False)):
        left = MOST_FIELDS
        for path, values in _walk("", some, 0):
            differs = not _are_equal(values)
            if not path or (is_covered and not differs and _is_assumed(path, values, cards)):
                continue
            if not left:
                is_whole = False
                break
            left -= 1
            texts = tuple(None if one is _MISSING else _text(one) for one in values)
            shown = _COMPUTED.get(path, path) if is_covered else path
            fields.append(ComparedField(shown, texts, is_covered, differs))
    return CardComparison(tuple(fields), is_whole)


class _Missing:
    """The value of a field that a card does not have."""


_MISSING = _Missing()


def _walk(path: str, values: Sequence[object], level: int) -> Iterator[tuple[str, list[object]]]:
    """Yield each path with the value that each card has there. Lists are values."""
    objects = [one for one in values if one is not _MISSING]
    if level >= DEEPEST or not objects or not all(isinstance(one, Mapping) for one in objects):
        yield path, list(values)
        return
    names = dict.fromkeys(name for one in objects if isinstance(one, Mapping) for name in one)
    if not names:
        yield path, list(values)
    for name in names:
        below = [
            one.get(name, _MISSING) if isinstance(one, Mapping) else _MISSING for one in values
        ]
        yield from _walk(path_of(path, str(name)), below, level + 1)


def path_of(path: str, name: str) -> str:
    """Return the path of a field in what is at a path. Empty `path`: in the value itself."""
    if not name or "." in name:
        # It would read as two.
        return f"{path}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{path}.{name}" if path else name


def _is_assumed(path: str, values: Sequence[object], cards: Sequence[CardJson]) -> bool:
    """Return whether no card has a covered field, which then has the value that Dynamo assumes."""
    return values[0] in ([], {}, 0) and not any(path in card for card in cards)


def _are_equal(values: Sequence[object]) -> bool:
    """Compare as JSON, since 1 == True in Python."""
    first, *others = values
    if any((one is _MISSING) is not (first is _MISSING) for one in others):
        return False
    if first is _MISSING:
        return True
    encoded = _encoded(first)
    return all(_encoded(one) == encoded for one in others)


def _encoded(value: object) -> str:
    try:
        return _encode(value)
    except (RecursionError, TypeError, ValueError):
        return _TOO_DEEP


def _text(value: object) -> str:
    return value if isinstance(value, str) else _encoded(value)


def _by_checksum(card: CardJson) -> dict[str, object]:
    """Return the covered fields that are not null, with the extra files by name if each has a name
    of its own."""
    fields = {name: value for name, value in covered(card).items() if value is not None}
    files = fields.get("extra_files")
    if isinstance(files, list):
        pairs = [one for one in files if isinstance(one, list) and len(one) == 2]
        by_name = {str(name): checksum for name, checksum in pairs}
        if len(by_name) == len(files):
            fields["extra_files"] = by_name
    return fields


def _not_covered(card: CardJson, *, skip_lengths: bool) -> dict[str, object]:
    """Return the fields of a card that the checksum does not cover. `skip_lengths`: leave out what
    the effective context length is taken from, since that differs."""
    found: dict[str, object] = {}
    for name, value in card.items():
        if name in _COVERED_AS_THEY_ARE or (skip_lengths and name in _CONTEXT_LENGTHS):
            continue
        if name in FILES:
            value = _without_checksum(value)
        elif name == "extra_files" and isinstance(value, list):
            value = [one.get("path") if isinstance(one, dict) else one for one in value]
        elif name == "runtime_config" and skip_lengths and isinstance(value, dict):
            value = {one: inner for one, inner in value.items() if one != "context_length"}
        if value is not _MISSING:
            found[name] = value
    return found


def _without_checksum(slot: object) -> object:
    """Return a file's slot, `{kind: {"path": …, "checksum": …}}`, without its checksum; templates
    nest one `file` deeper. What is not so is covered as it is."""
    if not isinstance(slot, dict) or len(slot) != 1:
        return _MISSING
    ((kind, file),) = slot.items()
    if not isinstance(file, dict):
        return _MISSING
    if isinstance(file.get("file"), dict):
        return {kind: {**file, "file": _but_checksum(file["file"])}}
    return {kind: _but_checksum(file)} if "checksum" in file else _MISSING


def _but_checksum(file: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in file.items() if name != "checksum"}
