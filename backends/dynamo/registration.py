"""Specs of what a process registers: names and value, before it has an instance id.

Values are written as Dynamo 1.6 writes them, so that a Dynamo client can read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic_core
from pydantic import BaseModel, ConfigDict

from backends.dynamo import keys, naming
from backends.dynamo.ids import EndpointInstanceId, EventChannelId, EventSourceId, ModelCardId
from backends.dynamo.keys import Dialect
from backends.dynamo.records import Transport
from backends.dynamo.schemas import U64


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True, arbitrary_types_allowed=True)


class EndpointSpec(_Spec):
    """An endpoint that this process serves."""

    namespace: str
    component: str
    endpoint: str
    transport: Transport
    """`kind` is one of Dynamo's variants: `tcp`, `nats_tcp`, `http`."""

    def entry(self, instance_id: int) -> tuple[bytes, bytes]:
        """Return key and value. Raises `InvalidName`."""
        names = _worker_names(self.namespace, self.component, self.endpoint)
        body = {
            "type": "Endpoint",
            **names,
            "instance_id": instance_id,
            "transport": {self.transport.kind: self.transport.address},
        }
        record_id = EndpointInstanceId(instance_id=instance_id, **names)
        return keys.build(record_id), pydantic_core.to_json(body)


class ModelSpec(_Spec):
    """A model, or a LoRA adapter on it, that this process serves."""

    namespace: str
    component: str
    endpoint: str
    card: Mapping[str, Any]
    """The card as Dynamo defines it. `display_name` is required."""
    lora: str | None = None
    """The adapter's name; its slug becomes the key's suffix."""

    def entry(self, instance_id: int) -> tuple[bytes, bytes]:
        """Return key and value. Raises `InvalidName`."""
        names = _worker_names(self.namespace, self.component, self.endpoint)
        suffix = None if self.lora is None else naming.slugify(self.lora)
        if suffix is not None:
            naming.check_name("LoRA adapter's slug", suffix)
        card = dict(self.card)
        if self.lora is not None:
            card |= {"display_name": self.lora, "slug": suffix, "lora": {"name": self.lora}}
        body = {"type": "Model", **names, "instance_id": instance_id, "card_json": card}
        if suffix is not None:
            body["model_suffix"] = suffix
        record_id = ModelCardId(instance_id=instance_id, model_suffix=suffix, **names)
        return keys.build(record_id), pydantic_core.to_json(body)


class _ScopedSpec(_Spec):
    namespace: str
    component: str | None = None
    endpoint: str | None = None
    topic: str
    publisher_id: U64 | None = None
    """Dynamo gives each publisher its own id. None: this process's instance id."""

    def _checked(self) -> dict[str, str | None]:
        naming.check_namespace(self.namespace)
        if self.component is not None or self.endpoint is not None:
            naming.check_name("component", self.component or "")
        if self.endpoint is not None:
            naming.check_name("endpoint", self.endpoint)
        naming.check_name("topic", self.topic)
        return {
            "namespace": self.namespace,
            "component": self.component,
            "endpoint": self.endpoint,
            "topic": self.topic,
        }

    def _scope(self) -> dict[str, Any]:
        if self.component is None:
            return {"kind": "namespace", "name": self.namespace}
        if self.endpoint is None:
            return {
                "kind": "component",
                "namespace": self.namespace,
                "component": self.component,
            }
        names = {"namespace": self.namespace, "component": self.component, "name": self.endpoint}
        return {"kind": "endpoint", "endpoint": names}


class EventChannelSpec(_ScopedSpec):
    """A channel that this process publishes on."""

    transport: str
    """`Nats`, `Zmq` or `ZmqBroker`."""
    config: Mapping[str, Any]
    """Settings of the transport: `subject_prefix`, `endpoint`, or the broker's endpoints."""

    def entry(self, instance_id: int) -> tuple[bytes, bytes]:
        """Return key and value. Raises `InvalidName`."""
        names = self._checked()
        publisher_id = instance_id if self.publisher_id is None else self.publisher_id
        body = {
            "type": "EventChannel",
            "scope": self._scope(),
            "topic": self.topic,
            "instance_id": publisher_id,
            "transport": {"kind": self.transport, "config": self.config},
        }
        record_id = EventChannelId(**names, instance_id=publisher_id)
        return keys.build(record_id, Dialect.V1_SCOPED), pydantic_core.to_json(body)


class EventSourceSpec(_ScopedSpec):
    """The subject of a publisher's events."""

    metadata: Mapping[str, Any]

    def entry(self, instance_id: int) -> tuple[bytes, bytes]:
        """Return key and value. Raises `InvalidName`."""
        names = self._checked()
        publisher_id = instance_id if self.publisher_id is None else self.publisher_id
        body = {
            "type": "EventSource",
            "scope": self._scope(),
            "topic": self.topic,
            "publisher_id": publisher_id,
            "metadata": self.metadata,
        }
        record_id = EventSourceId(**names, instance_id=publisher_id)
        return keys.build(record_id, Dialect.V1_SCOPED), pydantic_core.to_json(body)


Spec = EndpointSpec | ModelSpec | EventChannelSpec | EventSourceSpec


def _worker_names(namespace: str, component: str, endpoint: str) -> dict[str, str]:
    naming.check_namespace(namespace)
    naming.check_name("component", component)
    naming.check_name("endpoint", endpoint)
    return {"namespace": namespace, "component": component, "endpoint": endpoint}
