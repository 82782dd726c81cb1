"""Records of the demo's workers: keys and values as Dynamo 1.6.1 writes them.

The fields and their order are those that real workers of that release put into an etcd; those of a
`legacy` role are of Dynamo 1.0.2.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pydantic_core

from backends.dynamo import keys, naming
from backends.dynamo.ids import EndpointInstanceId, EventChannelId, EventSourceId, ModelCardId
from backends.dynamo.keys import Dialect


class DemoModel(msgspec.Struct, frozen=True):
    name: str
    context_length: int
    """In tokens."""
    model_type: str = "Chat | Completions"
    tool_call_parser: str | None = None
    reasoning_parser: str | None = None


class DemoRole(msgspec.Struct, frozen=True):
    """The role of a number of equal workers."""

    count: int
    """Workers at the start."""
    namespace: str
    component: str
    endpoints: tuple[str, ...]
    """The first is the one that the model's card names."""
    model: DemoModel | None = None
    worker_type: str = "aggregated"
    plane: str = "tcp"
    """The request plane, as instances name it: `tcp`, `nats_tcp`, `http`."""
    legacy: bool = False
    """Whether Dynamo 1.0.2 wrote its records."""
    adapters: tuple[str, ...] = ()
    """LoRA adapters that are loaded and unloaded on all of these workers, one by one."""
    scales: bool = False
    """Whether one more worker joins from time to time, and leaves in an orderly way."""

    @property
    def lease_seconds(self) -> float:
        return 10.0 if self.legacy else 30.0

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that its workers publish events on."""
        if self.model is None or self.model.model_type == "Embedding":
            return ()
        return ("kv_metrics",) if self.legacy else ("kv_metrics", "kv-events")

    @property
    def has_sockets(self) -> bool:
        """Return whether its events are published through a ZMQ socket of the worker's own."""
        return bool(self.topics) and self.plane == "tcp" and not self.legacy


class DemoWorker(msgspec.Struct, eq=False):
    """One process: all its keys are bound to one lease, whose id is its instance id."""

    role: DemoRole
    id: int
    host: str
    port: int
    renewed_at: float
    """When its lease was last renewed, in POSIX seconds."""
    adapters: set[str] = msgspec.field(default_factory=set)
    publishers: dict[str, int] = msgspec.field(default_factory=dict)
    """Publisher id by topic."""
    alive: bool = True
    hangs: bool = False
    """Whether it renews its lease but answers nothing."""

    def names(self, endpoint: str = "generate") -> dict[str, str]:
        """Return namespace, component and endpoint."""
        role = self.role
        return {"namespace": role.namespace, "component": role.component, "endpoint": endpoint}


KeyAndValue = tuple[bytes, bytes]


def instance(worker: DemoWorker, endpoint: str) -> KeyAndValue:
    """Return the registration of one endpoint."""
    role = worker.role
    match role.plane:
        case "http":
            address = f"http://{worker.host}:{worker.port}/v1/rpc/{endpoint}"
        case "nats_tcp":
            address = naming.subject(role.namespace, role.component, endpoint, worker.id)
        case _:
            path = endpoint if role.legacy else f"{role.namespace}/{role.component}/{endpoint}"
            address = f"{worker.host}:{worker.port}/{worker.id:x}/{path}"
    body: dict[str, Any] = {
        "type": "Endpoint",
        "component": role.component,
        "endpoint": endpoint,
        "namespace": role.namespace,
        "instance_id": worker.id,
        "transport": {role.plane: address},
    }
    if not role.legacy:
        body |= {"device_type": "cuda", "request_plane_codec": "msgpack"}
    record_id = EndpointInstanceId(instance_id=worker.id, **worker.names(endpoint))
    return keys.build(record_id), pydantic_core.to_json(body)


def card(worker: DemoWorker, adapter: str | None = None) -> KeyAndValue:
    """Return the card of the worker's model, or of a LoRA adapter on it. The role must have a
    model.
    """
    names = worker.names(worker.role.endpoints[0])
    suffix = None if adapter is None else naming.slugify(adapter)
    body: dict[str, Any] = {
        "type": "Model",
        **names,
        "instance_id": worker.id,
        "card_json": _card_json(worker.role, adapter),
    }
    if suffix is not None:
        body["model_suffix"] = suffix
    record_id = ModelCardId(instance_id=worker.id, model_suffix=suffix, **names)
    return keys.build(record_id), pydantic_core.to_json(body)


def channel(worker: DemoWorker, topic: str, port: int) -> KeyAndValue:
    """Return the channel of one of the worker's publishers. `port` is its socket's, if it has
    one.
    """
    role, publisher = worker.role, worker.publishers[topic]
    where: dict[str, Any] = {"scope": _scope(worker)}
    transport: dict[str, Any] = {"kind": "Nats", "config": {"subject_prefix": _subject(role)}}
    if role.has_sockets:
        transport = {"kind": "Zmq", "config": {"endpoint": f"tcp://{worker.host}:{port}"}}
    if role.legacy:
        where = {"namespace": role.namespace, "component": ""}
        record_id = EventChannelId(topic=topic, instance_id=publisher, **where)
        key = keys.build(record_id, Dialect.V1)
    else:
        record_id = EventChannelId(topic=topic, instance_id=publisher, **worker.names())
        key = keys.build(record_id, Dialect.V1_SCOPED)
    body = {
        "type": "EventChannel",
        **where,
        "topic": topic,
        "instance_id": publisher,
        "transport": transport,
    }
    return key, pydantic_core.to_json(body)


def source(worker: DemoWorker, topic: str) -> KeyAndValue:
    """Return the source that describes one of the worker's publishers: its KV cache."""
    publisher = worker.publishers[topic]
    body = {
        "type": "EventSource",
        "scope": _scope(worker),
        "topic": topic,
        "publisher_id": publisher,
        "metadata": {
            "kv_state_endpoint": _endpoint_name(worker),
            "worker": {"worker_id": worker.id, "dp_rank": 0},
            "publisher_id": publisher,
        },
    }
    record_id = EventSourceId(topic=topic, instance_id=publisher, **worker.names())
    return keys.build(record_id, Dialect.V1_SCOPED), pydantic_core.to_json(body)


def _scope(worker: DemoWorker) -> dict[str, Any]:
    return {"kind": "endpoint", "endpoint": _endpoint_name(worker)}


def _endpoint_name(worker: DemoWorker) -> dict[str, str]:
    role = worker.role
    return {"namespace": role.namespace, "component": role.component, "name": "generate"}


def _subject(role: DemoRole) -> str:
    if role.legacy:
        return f"namespace.{role.namespace}"
    return f"namespace.{role.namespace}.component.{role.component}.endpoint.generate"


_SINCE_1_4 = ("architectural_max_context_length", "worker_type", "needs", "lora")
_RUNTIME_SINCE_1_4 = (
    "tool_call_arguments_format",
    "structural_tag_mode",
    "structural_tag_scope",
    "structural_tag_schema",
    "exclude_tools_when_tool_choice_none",
    "data_parallel_start_rank",
    "enable_eagle",
)


def _card_json(role: DemoRole, adapter: str | None) -> dict[str, Any]:
    model = role.model
    if model is None:
        raise ValueError(f"workers of {role.namespace}/{role.component} serve no model")
    name = model.name if adapter is None else adapter
    model_type = "Prefill" if role.worker_type == "prefill" else model.model_type
    runtime_config = {
        "total_kv_blocks": 24576,
        "max_num_seqs": 256,
        "max_num_batched_tokens": 8192,
        "tool_call_parser": model.tool_call_parser,
        "reasoning_parser": model.reasoning_parser,
        "tool_call_arguments_format": "json_string",
        "structural_tag_mode": "off",
        "structural_tag_scope": "auto",
        "structural_tag_schema": "auto",
        "exclude_tools_when_tool_choice_none": True,
        "data_parallel_start_rank": 0,
        "data_parallel_size": 1,
        "enable_local_indexer": True,
        "enable_eagle": False,
    }
    card = {
        "display_name": name,
        "slug": naming.slugify(name),
        "source_path": model.name,
        "model_info": {"hf_config_json": _file(model, "config.json")},
        "tokenizer": {"hf_tokenizer_json": _file(model, "tokenizer.json")},
        "prompt_formatter": {"hf_tokenizer_config_json": _file(model, "tokenizer_config.json")},
        "gen_config": {"hf_generation_config_json": _file(model, "generation_config.json")},
        "architectural_max_context_length": model.context_length,
        "context_length": model.context_length,
        "kv_cache_block_size": 16,
        "migration_limit": 0,
        "model_type": model_type if adapter is None else "Chat",
        "model_input": "Tokens",
        "worker_type": role.worker_type,
        "needs": [["prefill"]] if role.worker_type == "decode" else [],
        "lora": {"name": adapter},
        "runtime_config": runtime_config,
        "media_decoder": None,
        "media_fetcher": None,
    }
    if adapter is None:
        del card["lora"]
    if role.legacy:
        card = {name: value for name, value in card.items() if name not in _SINCE_1_4}
        card["runtime_config"] = {
            name: value for name, value in runtime_config.items() if name not in _RUNTIME_SINCE_1_4
        }
    return card


def _file(model: DemoModel, name: str) -> dict[str, Any]:
    # The value of the checksum is arbitrary, but equal for the workers of one model.
    checksum = hashlib.sha256(f"{model.name}/{name}".encode()).hexdigest()
    path = f"/models/{model.name}/{name}"
    return {"path": path, "checksum": f"blake3:{checksum}", "size": 200 + 31 * len(name)}
