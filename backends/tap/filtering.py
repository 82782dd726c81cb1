"""Filter messages by words, and by fields of what is decoded. Pure, and bounded."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from backends.tap.decoding import decode, summary
from backends.tap.messages import TapMessage
from backends.tap.tap import RING, NumberedMessage

MOST_VALUES = 20_000
"""Values of one message that are looked at."""

_FIELD = re.compile(r"([A-Za-z_][\w.-]*)[:=](.+)")


class MessageFilter(msgspec.Struct, frozen=True):
    """What a message must have: each of some words, and each of some fields."""

    words: tuple[str, ...] = ()
    """In lower case; in the line that sums the message up, its topic, publisher or worker."""
    fields: tuple[tuple[tuple[str, ...], str], ...] = ()
    """The last names of a path, and the value, both in lower case."""

    @classmethod
    def parse(cls, text: str) -> MessageFilter:
        """Return the filter that a text means: `dp_rank:1 stored`. Empty: all messages match.

        `field:value` (or `field=value`) is a field by its name, or by the last names of its path:
        `event.dp_rank:1`. Anything else is a word.
        """
        words: list[str] = []
        fields: list[tuple[tuple[str, ...], str]] = []
        for part in text.lower().split():
            if found := _FIELD.fullmatch(part):
                fields.append((tuple(found[1].split(".")), found[2]))
            else:
                words.append(part)
        return cls(tuple(words), tuple(fields))

    def __bool__(self) -> bool:
        return bool(self.words or self.fields)

    def matches(self, message: TapMessage, worker: int | None = None) -> bool:
        """Return whether a message matches. `worker`: of its publisher, if known. Never raises.

        A text matches a part of it, an id from its first digit on, and a number only itself.
        """
        if self.words:
            ids = (one for one in (message.publisher, worker) if one is not None)
            texts = (summary(message), message.topic, *(f"{one:x}" for one in ids))
            line = "\n".join(texts).lower()
            if not all(word in line for word in self.words):
                return False
        if not self.fields:
            return True
        envelope = _envelope(message, worker)
        missing = [one for one in self.fields if not _has(envelope, one)]
        try:
            return not missing or _has_all(decode(message).payload, missing)
        except RecursionError:
            return False


class MatchingMessages:
    """The messages of a tap that match, the last of them, and how many were looked at."""

    def __init__(self, matches: Callable[[NumberedMessage], bool], ring: int = RING) -> None:
        self.matching = 0
        """Messages that matched."""
        self.looked_at = 0
        self.missed = 0
        """Messages that were gone before they could be looked at."""
        self.last: deque[NumberedMessage] = deque(maxlen=ring)
        """The last that match, oldest first."""
        self._matches = matches
        self._number: int | None = None
        """Of the last that was looked at."""

    def look(self, messages: Iterable[NumberedMessage], has_time: Callable[[], bool]) -> None:
        """Look at messages, oldest first, that were not looked at yet, while there is time."""
        for one in messages:
            if self._number is not None and one.number <= self._number:
                continue
            if not has_time():
                return
            if self._number is not None:
                self.missed += one.number - self._number - 1
            self._number = one.number
            self.looked_at += 1
            if self._matches(one):
                self.matching += 1
                self.last.append(one)


_Field = tuple[Sequence[str], str]


def _envelope(message: TapMessage, worker: int | None) -> dict[str, object]:
    return {
        "topic": message.topic,
        "sequence": message.sequence,
        "publisher": None if message.publisher is None else f"{message.publisher:x}",
        "worker": None if worker is None else f"{worker:x}",
    }


def _has(envelope: dict[str, object], field: _Field) -> bool:
    names, wanted = field
    name = names[-1]
    if len(names) > 1 or name not in envelope:
        return False
    value = envelope[name]
    if name in ("publisher", "worker"):
        return isinstance(value, str) and value.startswith(wanted)
    return _equals(value, wanted)


def _has_all(payload: object, fields: Iterable[_Field]) -> bool:
    left = list(fields)
    for number, (path, value) in enumerate(_values(payload, ())):
        if number >= MOST_VALUES:
            return False
        left = [
            (names, wanted)
            for names, wanted in left
            if tuple(path[-len(names) :]) != tuple(names) or not _equals(value, wanted)
        ]
        if not left:
            return True
    return False


def _values(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    """Yield each value with the names above it. The names in an object count as values of it, as
    of `data` those of `{"stored": …}`.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield path, str(name)
            yield from _values(inner, (*path, str(name).lower()))
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, path)
    else:
        yield path, value


def _equals(value: object, wanted: str) -> bool:
    if isinstance(value, str):
        return wanted in value.lower()
    if value is None or isinstance(value, bool):
        return wanted == {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        try:
            return float(wanted) == value
        except ValueError:
            return False
    return False
