"""Parse and build keys in every dialect. No other module knows the shape of a key.

| bucket | releases | relative key |
|---|---|---|
| `v1/instances/` | 0.6 on | `{namespace}/{component}/{endpoint}/{instance_id:x}` |
| `v1/mdc/` | 0.6 on | the same, then `/{model_suffix}` for a LoRA adapter |
| `v1/event_channels/` | 0.9 to 1.3 | `{namespace}/{component or nothing}/{topic}/{id:x}` |
| | 1.4 on | `namespace/{n}[/component/{c}[/endpoint/{e}]]/topic/{t}/{id:x}`, percent-encoded |
| `v1/event_sources/` | 1.4 on | as the line above |
| `instances/` | to 0.5 | `{namespace}/{component}/{endpoint}[:{lease:x}]` |
| `models/`, `mdc/` | to 0.5 | `{uuid}`, `{slug}`: the names are in the body |
| `v1/pool_members/` | newer | `{namespace}/{instance_id:x}` |
| `v1/pool_roles/` | newer | `{namespace}/{instance_id:x}/role` |
| `v1/` | | `{namespace}/planner/…` |

A key that does not fit is not dropped: its id holds what could be read, and `problem` says why.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from sys import intern
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from backends.dynamo.ids import (
    EndpointInstanceId,
    EventChannelId,
    EventSourceId,
    Id,
    Kind,
    ModelCardId,
    RecordId,
    UnknownId,
)

ROOTS = (b"v1/", b"instances/", b"models/", b"mdc/")
"""All prefixes that dyntop ever reads: an etcd may be shared with other programs."""

INSTANCES = b"v1/instances/"
MODELS = b"v1/mdc/"
EVENT_CHANNELS = b"v1/event_channels/"
EVENT_SOURCES = b"v1/event_sources/"
OLD_INSTANCES = b"instances/"
OLD_MODELS = b"models/"
OLD_CARDS = b"mdc/"

POOLS = (b"v1/pool_members/", b"v1/pool_roles/")
"""Buckets of records that dyntop does not read, whose keys begin with a namespace and instance id.
"""
PLANNERS = b"v1/"
"""The bucket in which planners keep keys below their namespace."""
_PLANNER = "planner"

BUCKETS: dict[Kind, tuple[bytes, ...]] = {
    Kind.ENDPOINT: (INSTANCES, OLD_INSTANCES),
    Kind.MODEL: (MODELS, OLD_MODELS, OLD_CARDS),
    Kind.EVENT_CHANNEL: (EVENT_CHANNELS,),
    Kind.EVENT_SOURCE: (EVENT_SOURCES,),
    Kind.UNKNOWN: (b"v1/",),
}
"""The buckets of each kind. `UNKNOWN` is everything else below `v1/`."""

OF_OLD_RELEASES = "what Dynamo up to 0.5 registers"

BUCKET_NAMES: dict[bytes, str] = {
    INSTANCES: "endpoint instances",
    MODELS: "model cards",
    EVENT_CHANNELS: "event channels",
    EVENT_SOURCES: "event sources",
    OLD_INSTANCES: OF_OLD_RELEASES,
    OLD_MODELS: OF_OLD_RELEASES,
    OLD_CARDS: OF_OLD_RELEASES,
    b"v1/": "other keys",
}
"""What each bucket holds, in words; `v1/` stands for all that is in no bucket of its own."""

BUCKETS_WITHOUT_NAMES = (b"v1/", OLD_MODELS, OLD_CARDS)
"""Buckets whose keys do not name the namespace."""

OWN_NAME = b"./"
"""Marks a key that stands for one of several files of the file store with the same decoded name.
The rest of such a key is the file's own name (`backends/file/names.py`).
"""

SCOPED_BUCKETS = (EVENT_CHANNELS, EVENT_SOURCES)
"""Buckets whose keys from 1.4 on label and percent-encode their names."""

HEADS_KEPT = 4096
"""Keys up to their last slash that are cached: endpoints, and workers with adapters."""
LONGEST_KEPT = 256
"""Bytes of the longest one that is cached: a name may have 100 KB."""


class Dialect(StrEnum):
    """The shape of a key, named by the releases that write it."""

    V1 = "0.6 on"
    V1_SCOPED = "1.4 on"
    """Channels and sources whose names are percent-encoded and labelled."""
    OLD = "to 0.5"
    """Without `v1/`."""


class ParsedKey(msgspec.Struct, Generic[Id], frozen=True, gc=False):
    """A key's names, and what is wrong with it."""

    id: Id
    dialect: Dialect
    problem: str | None = None
    """Why the key is not as Dynamo writes it. The id then holds what could be read."""


Worker = TypeVar("Worker", EndpointInstanceId, ModelCardId)
Scoped = TypeVar("Scoped", EventChannelId, EventSourceId)


class UnspellableKey(ValueError):
    """The text does not spell a key: it has a backslash that begins no escape, or half of a
    surrogate pair.
    """


_HEX_ID = re.compile(r"0|[1-9a-f][0-9a-f]{0,15}", re.ASCII)
_HEX_ID_BYTES = re.compile(_HEX_ID.pattern.encode())
_LOOSE_HEX_ID = re.compile(r"0*([0-9a-fA-F]{1,16})", re.ASCII)
_ESCAPE = re.compile(rb"\\(?:(\\)|x([0-9a-fA-F]{2})|)", re.ASCII)
_IN_A_SCOPE_NAME = tuple(
    chr(byte) if re.fullmatch(rb"[A-Za-z0-9_-]", bytes([byte])) else f"%{byte:02X}"
    for byte in range(256)
)
"""The text for each byte of a name in a scoped key."""


def spell(key: bytes) -> str:
    """Return a key as text: bytes that are not UTF-8 as `\\xNN`, a backslash as `\\\\`.

    `unspell` is the inverse. Control characters are not escaped here: the code that prints does it.
    """
    return key.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def unspell(text: str) -> bytes:
    """Return the key that a text spells. Any byte may be written `\\xNN`.

    Raises `UnspellableKey` for a backslash that is neither doubled nor followed by `xNN`, and for
    text that no bytes stand behind (a lone surrogate that is no undecodable byte).
    """

    def byte(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return b"\\"
        if match[2]:
            return bytes.fromhex(match[2].decode())
        raise UnspellableKey(text)

    try:
        # Undecodable bytes from the command line become those bytes again.
        encoded = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UnspellableKey(text) from None
    return _ESCAPE.sub(byte, encoded)


def kind_of(key: bytes) -> Kind:
    """Return the kind of record in a key's bucket."""
    for kind, buckets in BUCKETS.items():
        if kind is not Kind.UNKNOWN and key.startswith(buckets):
            return kind
    return Kind.UNKNOWN


def parse(key: bytes) -> ParsedKey[Any]:
    """Return the id in a key. Never raises: a key that fits no dialect has a `problem`."""
    return _parse_last(key) or _parse_any(key)


def _parse_last(key: bytes) -> ParsedKey[Any] | None:
    """Parse a key whose last name is an id, or an adapter's suffix, as Dynamo writes it, below
    names that are known. None: it must be parsed as a whole.
    """
    head, _, last = key.rpartition(b"/")
    if len(head) > LONGEST_KEPT or (first := _first_below(head)) is None:
        return None
    at = first.id
    names = (at.namespace, at.component, at.endpoint, at.topic)
    if at.model_suffix is None:
        if _HEX_ID_BYTES.fullmatch(last):
            return ParsedKey(type(at)(*names, int(last, 16)), first.dialect)
    elif last and last.isascii():
        return ParsedKey(type(at)(*names, at.instance_id, last.decode()), first.dialect)
    return None


# Thousands of workers have the same endpoint: parse it once, keep each text once.
@lru_cache(maxsize=HEADS_KEPT)
def _first_below(head: bytes) -> ParsedKey[Any] | None:
    """Parse the key `{head}/0`. None: its names are not as Dynamo writes them, or 0 is no id."""
    first = _parse_any(head + b"/0")
    at = first.id
    is_known = first.problem is None and at.kind is not Kind.UNKNOWN
    return first if is_known and (at.instance_id == 0 or at.model_suffix == "0") else None


def _parse_any(key: bytes) -> ParsedKey[Any]:
    for bucket, parse_relative in _PARSERS.items():
        if key.startswith(bucket):
            relative = key[len(bucket) :]
            if relative.startswith(OWN_NAME) and relative.count(b"/") == 1:
                relative = unquote_to_bytes(relative[len(OWN_NAME) :])
            try:
                return parse_relative(relative.decode())
            except UnicodeDecodeError:
                parsed = parse_relative(relative.decode("utf-8", "backslashreplace"))
                problem = parsed.problem or "the key is not UTF-8"
                return msgspec.structs.replace(parsed, problem=problem)
    return ParsedKey(_parse_other(key), Dialect.V1)


def build(record_id: RecordId, dialect: Dialect = Dialect.V1) -> bytes:
    """Return the key of an id, in the newest shape that the dialect allows for its kind.

    Raises ValueError if the id lacks a name that the key needs, and for the kinds whose old keys
    (`models/`, `mdc/`) do not follow from the id.
    """
    match record_id:
        case EndpointInstanceId() if dialect is Dialect.OLD:
            path = _join(record_id.namespace, record_id.component, record_id.endpoint)
            lease = record_id.instance_id
            return OLD_INSTANCES + (path if lease is None else f"{path}:{lease:x}").encode()
        case EndpointInstanceId():
            return INSTANCES + _worker_path(record_id).encode()
        case ModelCardId() if dialect is not Dialect.OLD:
            suffix = f"/{record_id.model_suffix}" if record_id.model_suffix else ""
            return MODELS + (_worker_path(record_id) + suffix).encode()
        case EventChannelId(endpoint=None) if dialect is Dialect.V1:
            names = (record_id.namespace, record_id.component or "", record_id.topic)
            return EVENT_CHANNELS + f"{_join(*names)}/{_hex(record_id)}".encode()
        case EventChannelId() if dialect is Dialect.V1_SCOPED:
            return EVENT_CHANNELS + _scope_path(record_id).encode()
        case EventSourceId() if dialect is Dialect.V1_SCOPED:
            return EVENT_SOURCES + _scope_path(record_id).encode()
    raise ValueError(f"no key of dialect {dialect.value!r} follows from {record_id!r}")


def spellings(record_id: RecordId) -> list[bytes]:
    """Return every key that Dynamo's releases would give an id, newest dialect first."""
    found = []
    for dialect in (Dialect.V1_SCOPED, Dialect.V1, Dialect.OLD):
        try:
            found.append(build(record_id, dialect))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def encode_scope_name(name: str) -> str:
    """Percent-encode all but `A-Za-z0-9-_`, as the scoped keys of Dynamo 1.4 do."""
    return "".join([_IN_A_SCOPE_NAME[byte] for byte in name.encode()])


def _join(*names: str | None) -> str:
    if None in names:
        raise ValueError("a name is missing")
    return "/".join(name for name in names if name is not None)


def _hex(record_id: RecordId) -> str:
    if record_id.instance_id is None:
        raise ValueError("the instance id is missing")
    return f"{record_id.instance_id:x}"


def _worker_path(record_id: RecordId) -> str:
    names = (record_id.namespace, record_id.component, record_id.endpoint)
    return f"{_join(*names)}/{_hex(record_id)}"


def _scope_path(record_id: RecordId) -> str:
    if record_id.endpoint and not record_id.component:
        raise ValueError("an endpoint is named without its component")
    labelled = {"namespace": record_id.namespace}
    if record_id.component:
        labelled["component"] = record_id.component
        if record_id.endpoint:
            labelled["endpoint"] = record_id.endpoint
    labelled["topic"] = record_id.topic
    parts = [f"{label}/{encode_scope_name(_join(name))}" for label, name in labelled.items()]
    return f"{'/'.join(parts)}/{_hex(record_id)}"


def _read_id(text: str) -> tuple[int | None, str | None]:
    """Return the id in a key, and what is wrong with how it is written."""
    if _HEX_ID.fullmatch(text):
        return int(text, 16), None
    if (loose := _LOOSE_HEX_ID.fullmatch(text)) is not None:
        return int(loose[1], 16), "the id is not lower-case hex without leading zeros"
    return None, "the id is not a u64 in hex"


def _empty_name(**names: str) -> str | None:
    for label, name in names.items():
        if not name:
            return f"the {label} is empty"
    return None


def _at(parts: list[str], index: int) -> str | None:
    return parts[index] if index < len(parts) and parts[index] else None


def _first_names(parts: list[str]) -> tuple[str | None, str | None]:
    """Return namespace and component of a key that has too few or too many parts."""
    # A lone part is no namespace: a query for it reads keys that begin with it and a slash.
    return (None, None) if len(parts) == 1 else (_at(parts, 0), _at(parts, 1))


def _parse_instance(relative: str) -> ParsedKey[EndpointInstanceId]:
    if relative.count("/") != 3:
        parts = relative.split("/")
        return _misshapen(EndpointInstanceId, parts, "namespace/component/endpoint/id")
    path, _, text = relative.rpartition("/")
    namespace, component, endpoint, empty = _endpoint_names(path)
    instance_id, problem = _read_id(text)
    record_id = EndpointInstanceId(namespace, component, endpoint, None, instance_id)
    return ParsedKey(record_id, Dialect.V1, empty or problem)


def _parse_model(relative: str) -> ParsedKey[ModelCardId]:
    of_base, suffix = relative, None
    if relative.count("/") == 4:
        of_base, _, suffix = relative.rpartition("/")
    if of_base.count("/") != 3:
        parts = relative.split("/")
        return _misshapen(ModelCardId, parts, "namespace/component/endpoint/id[/model suffix]")
    path, _, text = of_base.rpartition("/")
    namespace, component, endpoint, empty = _endpoint_names(path)
    instance_id, problem = _read_id(text)
    if suffix == "":
        empty = empty or "the model suffix is empty"
    record_id = ModelCardId(namespace, component, endpoint, None, instance_id, suffix or None)
    return ParsedKey(record_id, Dialect.V1, empty or problem)


def _endpoint_names(path: str) -> tuple[str, str, str, str | None]:
    """Return namespace, component and endpoint of `namespace/component/endpoint`, and which is
    empty.
    """
    namespace, component, endpoint = map(intern, path.split("/"))
    empty = _empty_name(namespace=namespace, component=component, endpoint=endpoint)
    return namespace, component, endpoint, empty


def _misshapen(of: type[Worker], parts: list[str], shape: str) -> ParsedKey[Worker]:
    namespace, component = _first_names(parts)
    record_id = of(namespace=namespace, component=component, endpoint=_at(parts, 2))
    return ParsedKey(record_id, Dialect.V1, f"the key is not {shape}")


def _parse_channel(relative: str) -> ParsedKey[EventChannelId]:
    # A namespace called `namespace` would make `namespace/{component}/{topic}/{id}`, which has
    # four parts; a scoped key has an odd number of them.
    parts = relative.split("/")
    if len(parts) != 4:
        return _parse_scoped(EventChannelId, parts)
    namespace, component, topic = map(intern, parts[:3])
    publisher_id, problem = _read_id(parts[3])
    record_id = EventChannelId(
        namespace=namespace, component=component, topic=topic, instance_id=publisher_id
    )
    empty = _empty_name(namespace=namespace, topic=topic)
    return ParsedKey(record_id, Dialect.V1, empty or problem)


def _parse_source(relative: str) -> ParsedKey[EventSourceId]:
    return _parse_scoped(EventSourceId, relative.split("/"))


_SCOPES = (
    ("namespace", "topic"),
    ("namespace", "component", "topic"),
    ("namespace", "component", "endpoint", "topic"),
)


def _parse_scoped(of: type[Scoped], parts: list[str]) -> ParsedKey[Scoped]:
    labels, encoded = tuple(parts[:-1:2]), parts[1:-1:2]
    if len(parts) % 2 == 0 or labels not in _SCOPES:
        return ParsedKey(
            of(), Dialect.V1_SCOPED, "the key is not namespace/…[/component/…]/topic/…/id"
        )
    names = [intern(unquote_to_bytes(name).decode("utf-8", "backslashreplace")) for name in encoded]
    publisher_id, problem = _read_id(parts[-1])
    record_id = of(instance_id=publisher_id, **dict(zip(labels, names, strict=True)))
    empty = _empty_name(**dict(zip(labels, names, strict=True)))
    if [encode_scope_name(name) for name in names] != encoded:
        problem = problem or "a name is not percent-encoded as Dynamo does"
    return ParsedKey(record_id, Dialect.V1_SCOPED, empty or problem)


def _parse_old_instance(relative: str) -> ParsedKey[EndpointInstanceId]:
    parts = relative.split("/")
    if len(parts) != 3:
        namespace, component = _first_names(parts)
        return ParsedKey(
            EndpointInstanceId(namespace=namespace, component=component),
            Dialect.OLD,
            "the key is not namespace/component/endpoint[:lease]",
        )
    namespace, component, last = parts
    endpoint, colon, text = last.rpartition(":")
    if not colon:
        endpoint, lease, problem = last, None, None
    else:
        lease, problem = _read_id(text)
    record_id = EndpointInstanceId(
        namespace=namespace, component=component, endpoint=endpoint, instance_id=lease
    )
    empty = _empty_name(namespace=namespace, component=component, endpoint=endpoint)
    return ParsedKey(record_id, Dialect.OLD, empty or problem)


def _parse_old_model(relative: str) -> ParsedKey[ModelCardId]:
    problem = None if relative else "the key has no name"
    return ParsedKey(ModelCardId(), Dialect.OLD, problem)


def _parse_other(key: bytes) -> UnknownId:
    """Return namespace and instance id of a key of an unread kind, if such keys name them."""
    try:
        parts = key.decode().split("/")
    except UnicodeDecodeError:
        return UnknownId()
    if key.startswith(POOLS) and len(parts) > 3 and parts[2]:
        return UnknownId(namespace=parts[2], instance_id=_read_id(parts[3])[0])
    if len(parts) > 3 and parts[2] == _PLANNER and parts[1]:
        return UnknownId(namespace=parts[1])
    return UnknownId()


_PARSERS: dict[bytes, Callable[[str], ParsedKey[Any]]] = {
    INSTANCES: _parse_instance,
    MODELS: _parse_model,
    EVENT_CHANNELS: _parse_channel,
    EVENT_SOURCES: _parse_source,
    OLD_INSTANCES: _parse_old_instance,
    OLD_MODELS: _parse_old_model,
    OLD_CARDS: _parse_old_model,
}
