"""The words of a filter that name a time, a kind or a namespace: `10m`, `kind:model`, `ns:prod`.

All other words are searched for as they are. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from backends.dynamo import lookup, naming
from backends.dynamo.ids import Kind
from backends.dynamo.queries import ANY_END, is_named
from backends.dynamo.records import AnyRecord, ModelCard

_TIME = re.compile(r"(?:since[:=])?([0-9]{1,6})([smh])")
_LABELLED = re.compile(r"(kind|ns|namespace)[:=](.+)")
_SECONDS = {"s": 1, "m": 60, "h": 3600}

NAMES: dict[Kind, tuple[str, ...]] = {
    Kind.ENDPOINT: ("endpoint", "instance"),
    Kind.MODEL: ("model", "card"),
    Kind.EVENT_CHANNEL: ("event_channel", "channel"),
    Kind.EVENT_SOURCE: ("event_source", "source"),
    Kind.UNKNOWN: ("unknown",),
}
"""The words for the kinds of records, as in JSON and as in tables."""
LORA = "lora"
"""The word for a model card of an adapter."""
ALL_NAMES = frozenset({LORA, *(name for names in NAMES.values() for name in names)})


class Conditions(msgspec.Struct, frozen=True):
    """A filter, taken apart."""

    words: tuple[str, ...] = ()
    """To search for, in lower case."""
    since: float | None = None
    """Seconds within which it happened. None: at any time."""
    kinds: tuple[str, ...] = ()
    """Beginnings of the words for kinds, in lower case: one of them."""
    record_kinds: tuple[str, ...] = ()
    """Those of them that a record may be of."""
    namespaces: tuple[str, ...] = ()
    """In lower case: one of them, or one nested in it; with a final `*`, all that begin so."""

    @property
    def bear_on_records(self) -> bool:
        """Return whether a record may fail them: no time does, nor a kind that no record has."""
        return bool(self.words or self.namespaces or self.record_kinds)

    def fit(self, record: AnyRecord) -> bool:
        """Return whether kind and namespace of a registered record are as wanted."""
        return self.is_in_namespace(record) and (
            not self.record_kinds or is_of_kind(kind_words(record), self.record_kinds)
        )

    def is_in_namespace(self, record: AnyRecord) -> bool:
        """Return whether a record's namespace is as wanted."""
        if not self.namespaces:
            return True
        name = (record.id.namespace or "").lower()
        return any(_is_within(name, one) for one in self.namespaces)


def conditions_of(text: str) -> Conditions:
    """Take a filter apart. Of several times the shortest counts."""
    words: list[str] = []
    times: list[float] = []
    kinds: list[str] = []
    namespaces: list[str] = []
    for word in lookup.words(text.lower()):
        if (time := _TIME.fullmatch(word)) is not None:
            times.append(float(int(time[1]) * _SECONDS[time[2]]))
        elif (labelled := _LABELLED.fullmatch(word)) is not None:
            (kinds if labelled[1] == "kind" else namespaces).append(labelled[2])
        else:
            words.append(word)
    since = min(times, default=None)
    of_records = tuple(one for one in kinds if is_of_kind(ALL_NAMES, (one,)))
    return Conditions(tuple(words), since, tuple(kinds), of_records, tuple(namespaces))


def kind_words(record: AnyRecord) -> tuple[str, ...]:
    """Return the words for the kind of a record."""
    names = NAMES[record.kind]
    return (*names, LORA) if isinstance(record, ModelCard) and record.is_lora else names


def is_of_kind(words: Iterable[str], wanted: Iterable[str]) -> bool:
    """Return whether one of the wanted beginnings is that of one of the words."""
    starts = tuple(wanted)
    return any(word.startswith(starts) for word in words)


def _is_within(name: str, wanted: str) -> bool:
    return is_named(name, wanted) if wanted.endswith(ANY_END) else naming.is_within(name, wanted)
