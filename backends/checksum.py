"""What Dynamo's checksum of a model card covers, and whose cards must have one checksum.

A frontend serves the workers of one endpoint, model, model type and worker type as one set, and
takes in only those whose cards have one checksum.

Source: `mdcsum` in `model_card.rs`, `worker_set_key` in `watcher.rs` and `GroupKey` in
`controller.rs` of Dynamo's `lib/llm`, and the checksums that release 1.6.1 gives to cards. Older
releases compare the cards of a whole namespace, or of all of them, and LoRA adapters' cards too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from functools import lru_cache

from backends.keys import Dialect
from backends.records import ModelCard

CardJson = Mapping[str, object]
"""A card as parsed from JSON: what bodies from 0.7 on hold as `card_json`. May hold anything."""

_FILES = ("model_info", "tokenizer", "prompt_formatter", "chat_template_file", "gen_config")
"""Of a file only its checksum is covered: not the path, the size, nor which kind of file it is."""

_AS_THEY_ARE = (
    "display_name",
    "source_path",
    "prompt_context",
    "kv_cache_block_size",
    "router_config",
    "indexer_identity",
)
"""Null and missing are the same."""

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def covered(card: CardJson) -> dict[str, object]:
    """What the checksum covers, by field, in a form that is equal where the checksum is.

    A file stands as its checksum, the extra files as a sorted list of `[name, checksum]`, and the
    context length as the one in effect, in tokens. A `router_config` is taken as written, though
    Dynamo would first fill in what an older release left out. What is not as Dynamo writes it is
    covered as it stands. Never raises.
    """
    worker_type, needs = _topology(card)
    return {
        **{name: card.get(name) for name in _AS_THEY_ARE},
        **{name: _file_checksum(card.get(name)) for name in _FILES},
        "extra_files": _extra_files(card.get("extra_files", [])),
        "context_length": _context_length(card),
        "worker_type": worker_type,
        "needs": needs,
        "aliases": card.get("aliases", []),
    }


def fingerprint(card: CardJson) -> str:
    """Equal for two cards exactly if all that is covered is equal. Hex; not Dynamo's own sum.

    Never raises.
    """
    return hashlib.blake2b(_encode(covered(card)).encode(), digest_size=16).hexdigest()


def differences(mine: CardJson, theirs: CardJson) -> list[str]:
    """What is covered and differs, for people to read: `context_length 2048 (theirs: 4096)`.

    Of files it says only that they differ: `tokenizer checksum`. The texts hold values from the
    store, not escaped, of at most `MAX_VALUE` characters each. Never raises.
    """
    ours, others = covered(mine), covered(theirs)
    return [
        _difference(name, value, others[name])
        for name, value in ours.items()
        # Encoded, since 1 == True in Python.
        if _encode(value) != _encode(others[name])
    ]


def group_of(card: ModelCard) -> Hashable | None:
    """Whose checksum a card must have: that of all cards with an equal group.

    None: it is compared with nobody, since a frontend would not read it, since it is what is left
    of a worker that is gone, or since it is a LoRA adapter's, which follows its worker's own card.
    """
    at = card.id
    if card.malformed is not None or card.conflict is not None or card.expired_at is not None:
        return None
    if card.is_lora or card.dialect is Dialect.OLD or card.model_name is None:
        return None
    flags = _flags(card.model_type)
    role = _role(card.worker_type, flags)
    return (card.model_name, at.namespace, at.component, at.endpoint, flags, role)


_PREFILL_FLAG = "Prefill"
"""Says in `model_type`, up to 1.3, what `worker_type` says from 1.4 on."""


def _flags(model_type: object) -> frozenset[str]:
    """`Chat | Completions` in any order."""
    return _flags_in(model_type) if isinstance(model_type, str) else frozenset()


@lru_cache(maxsize=64)
def _flags_in(model_type: str) -> frozenset[str]:
    """Kept, since thousands of cards have the same."""
    return frozenset(flag.strip() for flag in model_type.split("|"))


def _role(worker_type: object, flags: frozenset[str]) -> object:
    if worker_type is not None:
        return worker_type
    return "prefill" if _PREFILL_FLAG in flags else "aggregated"


def _topology(card: CardJson) -> tuple[object, object]:
    """`worker_type` and `needs`, of an old prefill worker as new ones write them."""
    worker_type, needs = card.get("worker_type"), card.get("needs", [])
    if worker_type is None and _PREFILL_FLAG in _flags(card.get("model_type")):
        return "prefill", needs or [["decode"]]
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
    """Of `{kind: {"path": …, "checksum": …}}`; templates have a `file` in between."""
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
    """The last part of a path or URL."""
    _, separator, rest = path.partition("://")
    if separator:
        path = rest.partition("#")[0].partition("?")[0].partition("/")[2]
    return path.rstrip("/").rpartition("/")[2]


MAX_VALUE = 40
"""Characters of a value in a text for people: two of them and a name fit in a line."""

_FILE_STATE = {True: "none", False: "a file"}


def _difference(name: str, mine: object, theirs: object) -> str:
    if name in _FILES:
        if (mine is None) == (theirs is None):
            return f"{name} checksum"
        return f"{name} {_FILE_STATE[mine is None]} (theirs: {_FILE_STATE[theirs is None]})"
    if name == "extra_files" and isinstance(mine, list) and isinstance(theirs, list):
        return f"{name} {_short(_file_names(mine, theirs))}"
    shown, shown_theirs = _short(mine), _short(theirs)
    # Two that look the same once they are short would only puzzle.
    return name if shown == shown_theirs else f"{name} {shown} (theirs: {shown_theirs})"


def _file_names(mine: list[object], theirs: list[object]) -> str:
    """The names of the extra files that only one side has, or has with another checksum."""
    mine_by_text = {_encode(file): file for file in mine}
    theirs_by_text = {_encode(file): file for file in theirs}
    both = mine_by_text | theirs_by_text
    differing = mine_by_text.keys() ^ theirs_by_text.keys()
    names = {_name_of(both[one]) or one for one in differing}
    return ", ".join(sorted(names))


def _name_of(file: object) -> str | None:
    return str(file[0]) if isinstance(file, list) and file else None


def _short(value: object) -> str:
    """Of a long text the beginning and the end, since paths differ there."""
    text = "none" if value is None else value if isinstance(value, str) else _encode(value)
    if len(text) <= MAX_VALUE:
        return text
    half = MAX_VALUE // 2
    return f"{text[:half]}…{text[-(half - 1) :]}"
