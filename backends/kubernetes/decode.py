"""From the bytes of an API server to JSON's values: all of them, or those that `objects` reads.

Half of an object of Dynamo, and most of a pod, is of no use here: who wrote which field,
containers, volumes. `Projection` skips that, which takes a third of the time of making values of
it. What it does not know or msgspec refuses is parsed whole, so that reading gives the same.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Generic, TypedDict, TypeVar, cast

import msgspec
import pydantic_core

from backends.dynamo.card_split import split_sorted_body
from backends.kubernetes.resources import PODS, SLICES, WORKERS, Resource

WITHOUT_COLLECTING = 1 << 16
"""Bytes of JSON that are parsed without collecting garbage meanwhile."""
CARDS_KEPT = 256
"""Cards whose spelling is cached: more than a cluster has models."""
SHALLOW = 200
"""Levels that every parser takes."""
LARGEST_PLAIN = 1e16
"""From this float on msgspec spells exponents in another way than pydantic."""

_T = TypeVar("_T")


def parsed(raw: bytes) -> Any:
    """Return the value of JSON. None: it is none."""
    with _without_collecting(raw):
        try:
            return pydantic_core.from_json(raw, cache_strings="keys")
        except ValueError:
            # It refuses what is nested deeper than 200 levels, which one object may be.
            try:
                return json.loads(raw)
            except (ValueError, RecursionError):
                return None


def value_bytes(value: object) -> bytes:
    """Return a value of `spec.data` as JSON without spaces, as Dynamo writes values elsewhere."""
    if isinstance(value, msgspec.Raw):
        text = bytes(value)
        try:
            if (halves := split_sorted_body(text)) is None:
                return _spelled(text)[0]
            (card, names), (rest, others) = _card(halves[0]), _spelled(halves[1])
            # Of several members with one name the last counts.
            if names.isdisjoint(others):
                return card[:-1] + b"," + rest[1:]
        except _REFUSED:
            pass
        value = parsed(text)
        if value is None:
            # A null, or what no parser takes, such as a number of 5,000 digits.
            return text.strip()
    try:
        return pydantic_core.to_json(value, inf_nan_mode="constants")
    except ValueError:
        # It stops at 255 levels.
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )


def _spelled(text: bytes) -> tuple[bytes, Collection[str]]:
    """Return a value of JSON without spaces, and the names of its members. Raises `_REFUSED`."""
    if text.count(b"{") + text.count(b"[") > SHALLOW:
        raise ValueError("nested too deeply")
    value = _decode(text)
    return _encode(value), value if isinstance(value, dict) else ()


@lru_cache(maxsize=CARDS_KEPT)
def _card(text: bytes) -> tuple[bytes, frozenset[str]]:
    """Return the same of a model's card, which many workers share."""
    spelled, names = _spelled(text)
    return spelled, frozenset(names)


class Projection:
    """Reads what is listed and watched of one resource: all of it, if it is none of those that are
    followed. Raises nothing."""

    def __init__(self, resource: Resource) -> None:
        self._page: Callable[[bytes], object] = parsed
        self._event: Callable[[bytes], object] = parsed
        if (shape := _SHAPES.get(resource)) is not None:
            self._page = msgspec.json.Decoder(cast("Any", _Page)[shape]).decode
            self._event = msgspec.json.Decoder(cast("Any", _Event)[shape]).decode

    def page(self, raw: bytes) -> Any:
        """Return the value of a page of a list, of objects only the members that `objects` reads.
        None: it is no JSON.

        Values in a worker's `spec.data` are `msgspec.Raw`, for `value_bytes`, or as in JSON.
        """
        return _projected(self._page, raw)

    def event(self, raw: bytes) -> Any:
        """Return the value of an event of a watch, as `page`; all of an error."""
        found = _projected(self._event, raw)
        is_error = isinstance(found, dict) and found.get("type") == "ERROR"
        return parsed(raw) if is_error else found


def _projected(decode: Callable[[bytes], object], raw: bytes) -> Any:
    try:
        if not raw.isascii():
            # Nobody checks the texts that are skipped.
            raw.decode()
        with _without_collecting(raw):
            return decode(raw)
    except _REFUSED:
        return parsed(raw)


@contextmanager
def _without_collecting(raw: bytes) -> Iterator[None]:
    # None of what is made of a page is garbage yet, and looking for it takes as long again.
    pauses = len(raw) > WITHOUT_COLLECTING and gc.isenabled()
    if pauses:
        gc.disable()
    try:
        yield
    finally:
        if pauses:
            gc.enable()


def _plain_float(text: str) -> float:
    found = float(text)
    if not -LARGEST_PLAIN < found < LARGEST_PLAIN:
        raise ValueError(text)
    return found


_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)
_decode = msgspec.json.Decoder(float_hook=_plain_float).decode
_encode = msgspec.json.Encoder().encode


# What `objects` reads. A member that may be anything there may be anything here.


class _Page(TypedDict, Generic[_T], total=False):
    items: list[_T]
    metadata: _ListMetadata


class _Event(TypedDict, Generic[_T], total=False):
    type: Any
    object: _T


_ListMetadata = TypedDict("_ListMetadata", {"continue": Any, "resourceVersion": Any}, total=False)


class _Metadata(TypedDict, total=False):
    namespace: Any
    name: Any
    uid: Any
    resourceVersion: Any


class _Reference(TypedDict, total=False):
    kind: Any
    name: Any
    uid: Any
    controller: Any


class _FieldsOfManager(TypedDict, total=False):
    manager: Any
    time: Any


class _WorkerMetadata(_Metadata, total=False):
    creationTimestamp: Any
    ownerReferences: list[_Reference]
    managedFields: list[_FieldsOfManager]


class _WorkerSpec(TypedDict, total=False):
    data: dict[str, dict[str, msgspec.Raw] | None]


class _Worker(TypedDict, total=False):
    metadata: _WorkerMetadata
    spec: _WorkerSpec


class _Target(TypedDict, total=False):
    kind: Any
    namespace: Any
    name: Any
    uid: Any


class _Conditions(TypedDict, total=False):
    ready: Any


class _Endpoint(TypedDict, total=False):
    targetRef: _Target
    conditions: _Conditions
    nodeName: Any


class _SliceMetadata(_Metadata, total=False):
    labels: dict[str, Any]


class _Slice(TypedDict, total=False):
    metadata: _SliceMetadata
    endpoints: list[_Endpoint] | None


class _PodMetadata(_Metadata, total=False):
    deletionTimestamp: Any
    labels: dict[str, Any]
    annotations: dict[str, Any]


class _PodSpec(TypedDict, total=False):
    nodeName: Any


class _PodCondition(TypedDict, total=False):
    type: Any
    status: Any
    lastTransitionTime: Any


class _ContainerState(TypedDict, total=False):
    reason: Any
    exitCode: Any
    startedAt: Any


class _ContainerStates(TypedDict, total=False):
    running: _ContainerState
    waiting: _ContainerState
    terminated: _ContainerState


class _ContainerStatus(TypedDict, total=False):
    name: Any
    ready: Any
    restartCount: Any
    state: _ContainerStates


class _PodStatus(TypedDict, total=False):
    phase: Any
    podIP: Any
    conditions: list[_PodCondition]
    containerStatuses: list[_ContainerStatus]


class _Pod(TypedDict, total=False):
    metadata: _PodMetadata
    spec: _PodSpec
    status: _PodStatus


_SHAPES: dict[Resource, Any] = {WORKERS: _Worker, SLICES: _Slice, PODS: _Pod}
