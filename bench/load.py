"""The load: what a cluster of N endpoint instances registers. Pure; the same N is the same load.

N instances and N model cards, of the size and shape that a worker of Dynamo 1.6.1 wrote
(`tests/corpus/`). Each worker holds one lease and on it four records: two endpoints of its
component and a card for each. One model has half of all cards, up to 5,000; the others share the
rest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.corpus import load as load_corpus

NAMESPACES = 5
COMPONENTS = 20
"""In all: each is in one namespace."""
ENDPOINTS = ("generate", "clear_kv_blocks", "embed")
"""Of each component. More have numbers for names."""
OTHER_MODELS = 12
"""Besides the one whose group is large."""
MOST_OF_ONE_MODEL = 5_000
"""Instances in the large group, at most."""
INSTANCES_OF_WORKER = 2

RELEASE = "1.6.1-tcp"

FIRST_PORT, PORTS = 9000, 1000
"""Of the workers' addresses: below those that a kernel gives away."""

KeyAndValue = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Instance:
    """One endpoint that a worker serves."""

    worker: int
    """The worker's number, from 0."""
    lease: int
    """Its worker's lease, and so its instance id."""
    namespace: str
    component: str
    endpoint: str

    @property
    def id(self) -> str:
        """As keys and the screen spell it."""
        return f"{self.lease:x}"

    @property
    def key(self) -> bytes:
        return f"v1/instances/{self._path}/{self.id}".encode()

    @property
    def card_key(self) -> bytes:
        return f"v1/mdc/{self._path}/{self.id}".encode()

    @property
    def place_on_screen(self) -> tuple[str, bytes]:
        """By which the Instances tab sorts at first."""
        return (self._path, self.key)

    @property
    def address(self) -> str:
        """Host and port where it is reached, unless it moved: a loopback address of its worker."""
        host = f"127.{1 + (self.worker >> 16)}.{self.worker >> 8 & 255}.{self.worker & 255}"
        return f"{host}:{FIRST_PORT + self.worker % PORTS}"

    def value(self, address: str | None = None) -> bytes:
        """Its body, at `address` if it moved."""
        body = dict(_recorded("v1/instances/prod/backend/generate/"))
        body |= self._names | {"instance_id": self.lease}
        body["transport"] = {"tcp": f"{address or self.address}/{self.id}/{self._path}"}
        return _encoded(body)

    def card(self, model: str) -> bytes:
        """The body of its model card."""
        before, after = _card_around_names(model)
        names = _encoded(self._names | {"instance_id": self.lease})
        return before + names[1:-1] + after

    @property
    def _path(self) -> str:
        return f"{self.namespace}/{self.component}/{self.endpoint}"

    @property
    def _names(self) -> dict[str, Any]:
        return {
            "namespace": self.namespace,
            "component": self.component,
            "endpoint": self.endpoint,
        }


@dataclass(frozen=True, slots=True)
class Load:
    """A cluster of so many endpoint instances."""

    size: int
    of_worker: int = INSTANCES_OF_WORKER
    """Instances of each worker."""

    @property
    def workers(self) -> int:
        return self.size // self.of_worker

    @property
    def large_group(self) -> int:
        """Cards of `models[0]`."""
        return min(self.size // 2, MOST_OF_ONE_MODEL)

    @property
    def models(self) -> list[str]:
        """The large one first. A small cluster has fewer workers than there could be models."""
        others = min(OTHER_MODELS, self.workers - self.large_group // self.of_worker)
        return ["acme/everywhere-70b", *(f"acme/model-{n:02}-8b" for n in range(others))]

    def model_of(self, worker: int) -> str:
        of_large = self.large_group // self.of_worker
        if worker < of_large:
            return self.models[0]
        return self.models[1 + (worker - of_large) % (len(self.models) - 1)]

    def instances_of(self, worker: int, lease: int) -> list[Instance]:
        """The instances of one worker."""
        component = worker % COMPONENTS
        first = worker // COMPONENTS
        names = (f"team-{component % NAMESPACES}", f"backend-{component:02}")
        there = (*ENDPOINTS, *(f"endpoint-{n}" for n in range(len(ENDPOINTS), self.of_worker)))
        chosen = [there[(first + n) % len(there)] for n in range(self.of_worker)]
        return [Instance(worker, lease, *names, endpoint) for endpoint in chosen]

    def records_of(self, worker: int, lease: int) -> Iterator[KeyAndValue]:
        """All that one worker registers."""
        model = self.model_of(worker)
        for instance in self.instances_of(worker, lease):
            yield instance.key, instance.value()
            yield instance.card_key, instance.card(model)


def in_order(instances: Sequence[Instance]) -> list[Instance]:
    """As the Instances tab has them at first."""
    return sorted(instances, key=lambda instance: instance.place_on_screen)


@cache
def _recorded(beginning: str) -> dict[str, Any]:
    """The body of the first recorded key that begins so."""
    (release,) = (release for release in load_corpus() if release.name == RELEASE)
    entry = next(e for e in release.entries if e.key.startswith(beginning.encode()))
    body: dict[str, Any] = json.loads(entry.value)
    return body


@cache
def _card_around_names(model: str) -> KeyAndValue:
    """A card's text before and after what differs between the workers of one model."""
    body = dict(_recorded("v1/mdc/prod/backend/generate/"))
    card = json.loads(json.dumps(body["card_json"]).replace("acme/tiny-llm", model))
    card["slug"] = model.replace("/", "_")
    _for_each_checksum(card, lambda old: f"blake3:{_digest(model + old)}")
    before = {"type": body["type"], "names": None, "card_json": card}
    text = _encoded(before)
    start, _, end = text.partition(b'"names":null')
    return start, end


def _for_each_checksum(card: dict[str, Any], replace: Callable[[str], str]) -> None:
    for value in card.values():
        if isinstance(value, dict):
            if "checksum" in value:
                value["checksum"] = replace(value["checksum"])
            _for_each_checksum(value, replace)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
