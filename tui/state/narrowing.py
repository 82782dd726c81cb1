"""What a filter shows of a cluster: chosen step by step, while records come and go.

Among hundreds of thousands of records that takes longer than a person types. So all of it can be
left and taken up again between two steps. No Textual in here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from backends.discovery.record_index import RecordIndex, Selection
from backends.dynamo import keys, lookup
from backends.dynamo.records import AnyRecord, EventSource, ModelCard
from backends.probe.hosts import bare_host, hosts_of
from tui.state.conditions import conditions_of

STEP = 2_000
"""Records that are looked at in one step, some 5 ms, or taken in: some 15."""

HOST_WORD = "host="
"""Begins a word of a filter that matches whole hosts: `10.0.0.1` is part of `10.0.0.12`, too."""
_HOST = "\1"
"""Marks a host in searched text. It cannot be typed."""

_T = TypeVar("_T")


class Words:
    """The words of a filter. A text must have every one of them, but for its conditions."""

    def __init__(self, text: str) -> None:
        """`text`: as typed. Ids are matched as keys have them, and as in `lookup.needles`; a host
        behind `host=` as a whole."""
        self.text = text.strip().lower()
        self.conditions = conditions_of(self.text)
        self._needles = [_needles(word) for word in self.conditions.words]

    def __bool__(self) -> bool:
        """Return whether a record may not have them: a time is of events alone."""
        return self.conditions.bear_on_records

    def are_in(self, text: str) -> bool:
        """Return whether a text, in lower case, has every word."""
        return lookup.is_in(self._needles, text)

    def pick(self, records: Iterable[AnyRecord], texts: Texts) -> list[AnyRecord]:
        """Return the records that meet the conditions, and whose texts have every word."""
        conditions = self.conditions
        if conditions.record_kinds or conditions.namespaces:
            records = [one for one in records if conditions.fit(one)]
        found = [(texts.of(record), record) for record in records]
        for word in self._needles:
            if len(word) == 1:
                # As of nearly all words: half the time of the loop over needles.
                (needle,) = word
                found = [one for one in found if needle in one[0]]
            else:
                found = [one for one in found if lookup.is_in((word,), one[0])]
        return [record for _, record in found]


class Texts:
    """The searchable text of each record, made when it is needed first."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, str] = {}

    def of(self, record: AnyRecord) -> str:
        """Return the text of a record, in lower case."""
        key = record.entry.key
        if (text := self._by_key.get(key)) is None:
            text = self._by_key[key] = searchable(record)
        return text

    def forget(self, changed: Iterable[bytes]) -> None:
        """Drop the texts of keys whose records are others now, or gone."""
        if self._by_key:
            for key in changed:
                self._by_key.pop(key, None)

    def clear(self) -> None:
        self._by_key.clear()


class Narrowing:
    """A selection: first in the making, then kept as it is to be."""

    def __init__(
        self,
        index: RecordIndex,
        among: Iterable[bytes],
        pick: Callable[[Iterable[AnyRecord]], Iterable[AnyRecord]],
        step: int = STEP,
    ) -> None:
        """`among`: the keys that may be shown; those that are not in `index` any more are passed
        over. `pick` returns those of some records that are shown. `step`: as `STEP`."""
        self.selection = Selection(index)
        self._records = index.records
        self._left = iter(list(among))
        self._pick = pick
        self._step = step

    def go_on(self) -> bool:
        """Look at some more. Returns whether all was looked at."""
        some = list(islice(self._left, self._step))
        self.selection.add(self._pick(self._there(some)))
        return len(some) < self._step

    def amend(self, changed: Iterable[bytes]) -> None:
        """Take in that records came, changed or went, whether they were looked at or not."""
        picked = {record.key: record for record in self._pick(self._there(changed))}
        for key in changed:
            if key in picked:
                self.selection.put(picked[key])
            else:
                self.selection.discard(key)

    def _there(self, keys: Iterable[bytes]) -> list[AnyRecord]:
        records = self._records
        return [records[key] for key in keys if key in records]


def in_steps(things: Sequence[_T], step: int) -> Iterator[Sequence[_T]]:
    """Yield things in parts of `step`."""
    for start in range(0, len(things), step):
        yield things[start : start + step]


def _needles(word: str) -> tuple[str, ...]:
    if word.startswith(HOST_WORD):
        return (f"\n{_HOST}{bare_host(word.removeprefix(HOST_WORD))}\n",)
    return lookup.needles(word)


def searchable(record: AnyRecord) -> str:
    """Return the searchable text of a record, in lower case: names, ids, addresses, key, pod."""
    at, lease, transport = record.id, record.lease, record.transport
    parts = [
        keys.spell(record.key),
        at.path(),
        None if at.instance_id is None else lookup.searchable_id(at.instance_id),
        None if lease is None or lease == at.instance_id else lookup.searchable_id(lease),
        None if (routed := lookup.id_in_body(record)) is None else lookup.searchable_id(routed),
        record.model_name,
        record.malformed,
        record.unread,
        record.conflict,
    ]
    if transport is not None:
        parts += [transport.kind, transport.address]
    if isinstance(record, ModelCard):
        parts += [record.base_model, record.model_type, record.worker_type]
    if isinstance(record, EventSource) and record.worker_id is not None:
        parts.append(lookup.searchable_id(record.worker_id))
    if (owner := record.entry.owner) is not None:
        parts += [owner.path, owner.pod_name, owner.node]
    parts += [f"{_HOST}{host}" for host in hosts_of(record)]
    return "\n".join(["", *filter(None, parts), ""]).lower()
