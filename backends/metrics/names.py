"""The names of Dynamo's metrics that dyntop reads, and the releases that have them.

They were seen at real frontends and workers of the `ai-dynamo-runtime` wheels 0.6.1, 1.2.1 and
1.6.1, except the gauges of the KV cache from 1.0 on: those are Dynamo's Python workers' own, and
are as its `prometheus_names.py` and its guide to metrics have them. Most series come into being
with the first request: a process that has served none has hardly any of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

# Of a frontend; the label `model` says of which model. 0.6.1 writes that in lower case, except in
# what it tells of a model's configuration.
REQUESTS = "dynamo_frontend_requests_total"
IN_FLIGHT = "dynamo_frontend_inflight_requests"
ACTIVE = "dynamo_frontend_active_requests"
"""From 1.2 on; the same as `IN_FLIGHT`, which is there too, by a clearer name."""
QUEUED = "dynamo_frontend_queued_requests"
FIRST_TOKEN = "dynamo_frontend_time_to_first_token_seconds"
BETWEEN_TOKENS = "dynamo_frontend_inter_token_latency_seconds"
OUTPUT_TOKENS = "dynamo_frontend_output_tokens_total"
OUTPUT_SEQUENCE = "dynamo_frontend_output_sequence_tokens"
"""Its sum counts the same tokens as `OUTPUT_TOKENS`, once their request has ended."""
DISCONNECTED = "dynamo_frontend_disconnected_clients"
"""The one that a frontend has from its start on, in every release."""
TOTAL_BLOCKS = "dynamo_frontend_model_total_kv_blocks"
"""Of one worker of a model."""
WORKER_BLOCKS = "dynamo_frontend_worker_active_decode_blocks"
"""By `worker_id`, in decimal, and `dp_rank`: what the KV router reckons; only where it runs."""
WORKER_FIRST_TOKEN = "dynamo_frontend_worker_last_time_to_first_token_seconds"
WORKER_BETWEEN_TOKENS = "dynamo_frontend_worker_last_inter_token_latency_seconds"

# Of a worker; labels `dynamo_namespace`, `dynamo_component`, `dynamo_endpoint`, and from 1.2 on
# `worker_id`, in hex.
WORK_REQUESTS = "dynamo_component_requests_total"
WORK_IN_FLIGHT = "dynamo_component_inflight_requests"
WORK_DURATION = "dynamo_component_request_duration_seconds"
WORK_UPTIME = "dynamo_component_uptime_seconds"
KV_USE = "dynamo_component_gpu_cache_usage_percent"
"""From 0 to 1, in spite of its name."""
KV_USE_BEFORE = "dynamo_component_kvstats_gpu_cache_usage_percent"
"""As it was called up to 0.9."""
WORK_QUEUE = "dynamo_work_handler_queue_depth"
"""Of the whole process, without labels; so is the next one."""
WORK_FIRST_RESPONSE = "dynamo_work_handler_time_to_first_response_seconds"
"""From the arrival of a request at the worker to its first response."""


class Kind(StrEnum):
    """Whose a metric is."""

    FRONTEND = "frontend"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Expected:
    """A metric that dyntop reads, or one of several by which the same is known."""

    kind: Kind
    names: tuple[str, ...]
    """Any of them will do; the first that is there counts."""
    releases: str
    """Where it was seen."""


EXPECTED = (
    Expected(Kind.FRONTEND, (REQUESTS,), "every release"),
    Expected(Kind.FRONTEND, (IN_FLIGHT, ACTIVE), "every release"),
    Expected(Kind.FRONTEND, (QUEUED,), "every release"),
    Expected(Kind.FRONTEND, (FIRST_TOKEN,), "every release"),
    Expected(Kind.FRONTEND, (BETWEEN_TOKENS,), "every release"),
    Expected(Kind.FRONTEND, (OUTPUT_TOKENS, OUTPUT_SEQUENCE), "from 1.2 on; 0.6 has the second"),
    Expected(Kind.FRONTEND, (WORKER_BLOCKS,), "from 1.2 on, with the KV router"),
    Expected(Kind.FRONTEND, (TOTAL_BLOCKS,), "every release, where workers say it"),
    Expected(Kind.WORKER, (WORK_REQUESTS,), "every release"),
    Expected(Kind.WORKER, (WORK_IN_FLIGHT,), "every release"),
    Expected(Kind.WORKER, (WORK_DURATION,), "every release"),
    Expected(Kind.WORKER, (KV_USE, KV_USE_BEFORE), "where the engine tells it"),
    Expected(Kind.WORKER, (WORK_QUEUE,), "from 1.2 on"),
    Expected(Kind.WORKER, (WORK_FIRST_RESPONSE,), "from 1.2 on"),
)

COUNTERS = frozenset({REQUESTS, OUTPUT_TOKENS, WORK_REQUESTS})
HISTOGRAMS = frozenset(
    {FIRST_TOKEN, BETWEEN_TOKENS, OUTPUT_SEQUENCE, WORK_DURATION, WORK_FIRST_RESPONSE}
)
GAUGES = frozenset(
    {
        IN_FLIGHT,
        ACTIVE,
        QUEUED,
        DISCONNECTED,
        TOTAL_BLOCKS,
        WORKER_BLOCKS,
        WORKER_FIRST_TOKEN,
        WORKER_BETWEEN_TOKENS,
        WORK_IN_FLIGHT,
        WORK_UPTIME,
        KV_USE,
        KV_USE_BEFORE,
        WORK_QUEUE,
    }
)
QUANTILES = frozenset({FIRST_TOKEN, BETWEEN_TOKENS, WORK_FIRST_RESPONSE})
"""The histograms of which more than the sum is read."""
READ = COUNTERS | GAUGES | HISTOGRAMS
SAMPLES = (
    COUNTERS
    | GAUGES
    | {f"{name}_sum" for name in HISTOGRAMS}
    | {f"{name}_bucket" for name in QUANTILES}
)
"""Every name by which a line of the text may begin that is read."""


def kinds_of(found: frozenset[str]) -> frozenset[Kind]:
    """Whose metrics these names are, of `READ`. Empty: of no process of Dynamo."""
    own = {name for name in found if not name.startswith("dynamo_frontend_")}
    kinds = {Kind.FRONTEND} if own != found else set()
    # For how long it runs a frontend tells by the same name as a worker.
    if own - {WORK_UPTIME} or (own and not kinds):
        kinds.add(Kind.WORKER)
    return frozenset(kinds)


def not_found(found: frozenset[str]) -> list[Expected]:
    """What is to be expected of such a process, and is not there."""
    kinds = kinds_of(found)
    return [one for one in EXPECTED if one.kind in kinds and not found & {*one.names}]
