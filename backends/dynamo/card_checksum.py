"""Which fields of a model card Dynamo's checksum covers, and which cards must have equal checksums.

A frontend serves the workers of one endpoint, model, model type and worker type as one set, and
accepts only workers whose cards have the same checksum.

Source: `mdcsum` in `model_card.rs`, `worker_set_key` in `watcher.rs` and `GroupKey` in
`controller.rs` of Dynamo's `lib/llm`, and the checksums that release 1.6.1 gives to cards. Older
releases compare the cards of a whole namespace, or of all of them, and LoRA adapters' cards too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from backends.dynamo.keys import Dialect
from backends.dynamo.records import ModelCard

CardJson = Mapping[str, object]
"""A card as parsed from JSON: the `card_json` of bodies from 0.7 on. Its fields may hold anything.
"""

FILES = ("model_info", "tokenizer", "prompt_formatter", "chat_template_file", "gen_config")
"""Fields of which only the file's checksum is covered: not its path, its size or its format."""

PLAIN_FIELDS = (
    "display_name",
    "source_path",
    "prompt_context",
    "kv_cache_block_size",
    "router_config",
    "indexer_identity",
)
"""Fields that are covered as they are. Null and missing count as the same."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def covered(card: CardJson) -> dict[str, object]:
    """Return the fields that the checksum covers, in a form that is equal where checksums are.

    A file is represented by its checksum, the extra files by a sorted list of `[name, checksum]`,
    and the context length by the effective one, in tokens. A `router_config` is taken as written,
    though Dynamo would first fill in fields that an older release left out. A field that Dynamo
    would not write so is covered as it is. Never raises.
    """
    worker_type, needs = _topology(card)
    return {
        **{name: card.get(name) for name in PLAIN_FIELDS},
        **{name: _file_checksum(card.get(name)) for name in FILES},
        "extra_files": _extra_files(card.get("extra_files", [])),
        "context_length": _context_length(card),
        "worker_type": worker_type,
        "needs": needs,
        "aliases": card.get("aliases", []),
    }


def fingerprint(card: CardJson) -> str:
    """Return a hash of the covered fields, in hex. It is not Dynamo's own checksum.

    Two cards have equal fingerprints if and only if all covered fields are equal. Never raises.
    """
    return hashlib.blake2b(_encode(covered(card)).encode(), digest_size=16).hexdigest()


def differences(mine: CardJson, theirs: CardJson) -> list[str]:
    """Return the covered fields that differ, as text: `context_length 2048 (theirs: 4096)`.

    Of a file the text holds only that it differs: `tokenizer checksum`. Values come from the store,
    are not escaped, and are cut to `MAX_VALUE` characters. Never raises.
    """
    ours, others = covered(mine), covered(theirs)
    return [
        _difference(name, value, others[name])
        for name, value in ours.items()
        # Compared as JSON, since 1 == True in Python.
        if _encode(value) != _encode(others[name])
    ]


class WorkerSet(NamedTuple):
    """The workers that a frontend serves as one: of one model, on one endpoint, in one role."""

    model: str
    namespace: str | None
    component: str | None
    endpoint: str | None
    surfaces: frozenset[str]
    """The flags of the card's `model_type`."""
    role: str
    """`aggregated`, `prefill`, `decode`, …; if the card has no `worker_type`, the role Dynamo
    assumes.
    """


def worker_set_of(card: ModelCard) -> WorkerSet | None:
    """Return the worker set that a base model's card puts its worker in.

    None: the card has no model name, belongs to a LoRA adapter, or is an entry of up to 0.5.
    """
    at = card.id
    if at.model_suffix is not None or card.dialect is Dialect.OLD or card.model_name is None:
        return None
    return _worker_set(
        card.model_name, at.namespace, at.component, at.endpoint, card.model_type, card.worker_type
    )


# Thousands of cards share one worker set: keep one object for it.
@lru_cache(maxsize=1024)
def _worker_set(
    model: str,
    namespace: str | None,
    component: str | None,
    endpoint: str | None,
    model_type: str | None,
    worker_type: str | None,
) -> WorkerSet:
    flags = _flags(model_type)
    role = worker_type or (PREFILL if _PREFILL_FLAG in flags else AGGREGATED)
    return WorkerSet(model, namespace, component, endpoint, flags, role)


def is_without_role(card: ModelCard) -> bool:
    """Return whether a card leaves its worker's role open, as up to 1.3: then an old decode worker
    looks like an aggregated one.
    """
    return card.worker_type is None and _PREFILL_FLAG not in (card.model_type or "")


def needs_of(card: ModelCard) -> tuple[tuple[str, ...], ...]:
    """Return the worker types that must run beside this card's worker: all types of one tuple.

    A prefill worker needs a decode worker even if its card, written by up to 1.3, does not declare
    it (`normalize_legacy_prefill_topology` in `readiness.rs` of Dynamo's `lib/llm`).
    """
    if card.worker_type is None and _PREFILL_FLAG in (card.model_type or ""):
        return card.needs or ((DECODE,),)
    return card.needs


def is_compared(card: ModelCard) -> bool:
    """Return whether a frontend would accept a card and compare it with others."""
    return card.malformed is None and card.conflict is None and card.expired_at is None


AGGREGATED, PREFILL, DECODE = "aggregated", "prefill", "decode"
"""Worker types, as in cards from 1.4 on."""

_PREFILL_FLAG = "Prefill"
"""The flag in `model_type` that up to 1.3 marks a prefill worker; from 1.4 on `worker_type` does.
"""


def _flags(model_type: object) -> frozenset[str]:
    """Split `Chat | Completions` into its flags."""
    return _flags_in(model_type) if isinstance(model_type, str) else frozenset()


@lru_cache(maxsize=64)
def _flags_in(model_type: str) -> frozenset[str]:
    """Cached, since thousands of cards have the same."""
    return frozenset(flag.strip() for flag in model_type.split("|"))


def _topology(card: CardJson) -> tuple[object, object]:
    """Return `worker_type` and `needs`; for an old prefill worker, as new releases write them."""
    worker_type, needs = card.get("worker_type"), card.get("needs", [])
    if worker_type is None and _PREFILL_FLAG in _flags(card.get("model_type")):
        return PREFILL, needs or [[DECODE]]
    return worker_type, needs


def _context_length(card: CardJson) -> object:
    runtime = card.get("runtime_config")
    lengths = (
        runtime.get("context_length") if isinstance(runtime, dict) else None,
        card.get("architectural_max_context_length"),
        card.get("context_length"),
    )
    return next((length for length in lengths if length is not None), 0)


def _file_checksum(slot: object) -> object:
    """Return the checksum in `{kind: {"path": …, "checksum": …}}`. Templates nest one `file`
    deeper.
    """
    if not isinstance(slot, dict) or len(slot) != 1:
        return slot
    (file,) = slot.values()
    if isinstance(file, dict) and isinstance(file.get("file"), dict):
        file = file["file"]
    return file.get("checksum", slot) if isinstance(file, dict) else slot


def _extra_files(files: object) -> object:
    if not isinstance(files, list):
        return files
    return sorted((_extra_file(file) for file in files), key=_encode)


def _extra_file(file: object) -> object:
    if not isinstance(file, dict) or not isinstance(file.get("path"), str):
        return file
    return [_base_name(file["path"]), file.get("checksum")]


def _base_name(path: str) -> str:
    """Return the last part of a path or URL."""
    _, separator, rest = path.partition("://")
    if separator:
        path = rest.partition("#")[0].partition("?")[0].partition("/")[2]
    return path.rstrip("/").rpartition("/")[2]


MAX_VALUE = 40
"""Characters of a value in a text: two values and a name fit in a line."""

_FILE_STATE = {True: "none", False: "a file"}


def _difference(name: str, mine: object, theirs: object) -> str:
    if name in FILES:
        if (mine is None) == (theirs is None):
            return f"{name} checksum"
        return f"{name} {_FILE_STATE[mine is None]} (theirs: {_FILE_STATE[theirs is None]})"
    if name == "extra_files" and isinstance(mine, list) and isinstance(theirs, list):
        return f"{name} {_short(_file_names(mine, theirs))}"
    shown, shown_theirs = _short(mine), _short(theirs)
    # If both values look the same once shortened, print only the field's name.
    return name if shown == shown_theirs else f"{name} {shown} (theirs: {shown_theirs})"


def _file_names(mine: list[object], theirs: list[object]) -> str:
    """Return the names of the extra files that only one side has, or whose checksums differ."""
    mine_by_text = {_encode(file): file for file in mine}
    theirs_by_text = {_encode(file): file for file in theirs}
    both = mine_by_text | theirs_by_text
    differing = mine_by_text.keys() ^ theirs_by_text.keys()
    names = {_name_of(both[one]) or one for one in differing}
    return ", ".join(sorted(names))


def _name_of(file: object) -> str | None:
    return str(file[0]) if isinstance(file, list) and file else None


def _short(value: object) -> str:
    """Shorten a long text to its beginning and end, since paths differ there."""
    text = "none" if value is None else value if isinstance(value, str) else _encode(value)
    if len(text) <= MAX_VALUE:
        return text
    half = MAX_VALUE // 2
    return f"{text[:half]}…{text[-(half - 1) :]}"
