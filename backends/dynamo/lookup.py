"""Find the records that an id, key, address, host, model or path refers to.

Keys have ids in hex, Dynamo's logs and `/health` have them in decimal, and people copy either with
the text around it. A text of digits only may be hex or decimal, so both are tried. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import IntEnum

import msgspec

from backends.dynamo import keys
from backends.dynamo.records import AnyRecord, EventSource
from backends.store import Owner

LARGEST_ID = (1 << 64) - 1

SHORTEST_START = 4
"""Digits that the beginning of a decimal id needs to match in a filter: fewer match too many."""

DECIMAL = "\0"
"""Marks an id in decimal in searched text. It cannot be typed."""

_LABELLED = re.compile(
    r"""["']?[a-z_ ]*(?:id|instance|lease|worker|publisher)["']?\s*[:=]\s*(.+)"""
)
_QUOTES = "\"'`,;()<> \t"
_WRAPPED = re.compile(
    r"[A-Za-z_]*[\[({]+(?P<id>(?:0x)?[0-9A-Fa-f]{1,20})[\])}]*\.?"
    r"|(?P<ends>(?:0x)?[0-9A-Fa-f]{4,20})\."
)
"""An id as Rust prints its types (`Some(12)`, `[12]`), or at the end of a sentence. The brackets at
the end may have been taken off."""
_HEX = re.compile(r"(?:0x)?0*([0-9a-f]{1,16})")
_DIGITS = re.compile(r"[0-9]{1,20}")


class MatchedField(IntEnum):
    """The field of a record that a text matches, most exact first."""

    KEY = 1
    ID = 2
    """An instance, publisher, worker or lease id."""
    ADDRESS = 3
    """A host and port, or a whole address; in Kubernetes also a pod, or an object."""
    HOST = 4
    """A host; in Kubernetes also a node."""
    MODEL = 5
    PATH = 6
    """Namespace, component and endpoint."""


class Named(msgspec.Struct, frozen=True):
    """A text from a person, with everything it may refer to."""

    text: str
    """Without blanks and quotes around it, and without a label such as `instance_id=`; of
    `Some(12)` what is in it."""
    ids: tuple[int, ...]
    """The ids (u64) that it spells, hex first. Empty: none."""
    key: bytes | None
    """The key that it spells. None: no key begins like this."""
    given: str
    """As it was given: a name may have blanks and quotes of its own at its ends."""

    def meanings(self, record: AnyRecord, worker: int | None) -> set[MatchedField]:
        """Return the fields of a record that it matches. `worker` is the record's, if known."""
        found = set()
        if record.key == self.key or self._is_path_and_id(record):
            found.add(MatchedField.KEY)
        if self.ids and not self._ids_of(record, worker).isdisjoint(self.ids):
            found.add(MatchedField.ID)
        if record.transport is not None and record.transport.address:
            found |= self._of_address(record.transport.address)
        if (owner := record.entry.owner) is not None:
            found |= self._of_owner(owner)
        models = (record.model_name, getattr(record.id, "model_suffix", None))
        names = {self.text.lower(), self.given.lower()} - {""}
        if not names.isdisjoint(model.lower() for model in models if model is not None):
            found.add(MatchedField.MODEL)
        if record.id.path().lower() in names:
            found.add(MatchedField.PATH)
        return found

    @staticmethod
    def _ids_of(record: AnyRecord, worker: int | None) -> set[int | None]:
        of_source = record.worker_id or None if isinstance(record, EventSource) else None
        return {record.id.instance_id, record.lease, worker, of_source, id_in_body(record)}

    def _is_path_and_id(self, record: AnyRecord) -> bool:
        """Return whether the text is a key without its bucket."""
        path, slash, last = self.text.rpartition("/")
        if not slash or path.lower() != record.id.path().lower():
            return False
        return record.id.instance_id in ids_of(last)

    def _of_owner(self, owner: Owner) -> set[MatchedField]:
        if self.text and self.text in (owner.pod_name, owner.name, owner.path):
            return {MatchedField.ADDRESS}
        return {MatchedField.HOST} if self.text and self.text == owner.node else set()

    def _of_address(self, address: str) -> set[MatchedField]:
        written, stored = _without_scheme(self.text), _without_scheme(address)
        authority = stored.partition("/")[0]
        if written in (stored, authority):
            return {MatchedField.ADDRESS}
        host = authority.rpartition(":")[0] or authority
        return {MatchedField.HOST} if written in (host, host.strip("[]")) else set()


def id_in_body(record: AnyRecord) -> int | None:
    """Return the instance or publisher id (u64) in a record's body, where the body disagrees with
    its key, or is read though the key is odd: clients of Dynamo 1.6 route to it and log it. None:
    it is the one in the key, or there is none.
    """
    if record.conflict is None and not (record.malformed is not None and record.readable):
        return None
    try:
        body = json.loads(record.entry.value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    number = body.get("publisher_id" if isinstance(record, EventSource) else "instance_id")
    if not isinstance(number, int) or isinstance(number, bool):
        return None
    return number if 0 <= number <= LARGEST_ID else None


def parse(text: str) -> Named:
    """Parse a text. Never raises: a text that is no id and no key may be a name."""
    bare = _unlabelled(text)
    key = None
    if bare.startswith(tuple(root.decode() for root in keys.ROOTS)):
        try:
            key = keys.unspell(bare)
        except keys.UnspellableKey:
            key = None
    return Named(bare, ids_of(bare), key, text)


def ids_of(text: str) -> tuple[int, ...]:
    """Return the ids (u64) that a text spells, in hex, with or without `0x`, and in decimal."""
    lower = _unlabelled(text).lower()
    found = []
    if (spelled := _HEX.fullmatch(lower)) is not None:
        found.append(int(spelled[1], 16))
    if _DIGITS.fullmatch(lower) and int(lower) <= LARGEST_ID:
        found.append(int(lower))
    return tuple(dict.fromkeys(found))


def searchable_id(number: int) -> str:
    """Return the lines that stand for an id in searched text."""
    return f"{number:x}\n{DECIMAL}{number}"


def needles(word: str) -> tuple[str, ...]:
    """Return the texts to search for, for one word of a filter: one of them must be found.

    The searched text is in lower case, begins and ends with a line end, and has `searchable_id`s.
    """
    lower = word.lower()
    found = [lower]
    bare = _unlabelled(lower)
    if bare != lower:
        found.append(bare)
    if bare.startswith("0x") and bare[2:].lstrip("0"):
        found.append(bare[2:].lstrip("0"))
    if _DIGITS.fullmatch(bare):
        found.append(DECIMAL + bare + ("" if len(bare) >= SHORTEST_START else "\n"))
    if "://" in bare:
        found.append(_without_scheme(bare))
    return tuple(dict.fromkeys(one for one in found if one))


def words(text: str) -> list[str]:
    """Split a filter into words. A label and its value are one word (`instance_id: 12`)."""
    return re.sub(r"([a-z_]*(?:id|instance|lease|worker)[\"']?)\s*([:=])\s+", r"\1\2", text).split()


def is_in(words: Iterable[tuple[str, ...]], text: str) -> bool:
    """Return whether each word has a needle in a text."""
    return all(any(needle in text for needle in word) for word in words)


def _unlabelled(text: str) -> str:
    bare = text.strip(_QUOTES)
    if (labelled := _LABELLED.fullmatch(bare.lower())) is not None:
        bare = bare[labelled.start(1) :].strip(_QUOTES)
    if (wrapped := _WRAPPED.fullmatch(bare)) is not None:
        return str(wrapped["id"] or wrapped["ends"])
    return bare


def _without_scheme(address: str) -> str:
    return address.lower().partition("://")[2] or address.lower()
