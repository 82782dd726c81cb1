"""Compare two values of a key field by field: which fields came, went or have another value.

Pure, and bounded: a value may have a megabyte of fields, or be nested as deep as JSON can be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice

import msgspec

from backends.dynamo.card_differences import DEEPEST, path_of
from backends.dynamo.json_values import from_json

MOST_CHANGES = 1_000
"""Fields of one value that are reported: twenty times what a card has."""


class FieldChange(msgspec.Struct, frozen=True):
    """One field that has another value than before."""

    path: str
    """`transport.tcp`, `card_json.runtime_config.max_num_seqs`. Empty: the value as a whole. May
    hold untrusted text."""
    before: object
    """As JSON has it. None also where there was no such field: see `came`."""
    after: object
    came: bool = False
    """Whether there was no such field before."""
    went: bool = False
    """Whether there is no such field any more."""


def field_changes(before: bytes, after: bytes) -> list[FieldChange] | None:
    """Return the fields of two JSON values that differ, in the order in which they have them.

    Empty: they are the same, however they are spelled. None: one of them is no JSON.
    """
    if before == after:
        return []
    try:
        pair = from_json(before), from_json(after)
    except ValueError:
        return None
    return list(islice(_walk("", *pair, 0), MOST_CHANGES))


def _walk(path: str, before: object, after: object, level: int) -> Iterator[FieldChange]:
    """Yield what differs. Lists are values."""
    if level < DEEPEST and isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            at = path_of(path, str(name))
            if name not in before:
                yield FieldChange(at, None, after[name], came=True)
            elif name not in after:
                yield FieldChange(at, before[name], None, went=True)
            else:
                yield from _walk(at, before[name], after[name], level + 1)
    elif not _are_equal(before, after):
        yield FieldChange(path, before, after)


def _are_equal(one: object, other: object) -> bool:
    """Compare as JSON, since 1 == True in Python."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
