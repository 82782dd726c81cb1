"""The names of Dynamo's metrics that dyntop reads, and the releases that have them.

Seen at real frontends and workers of the `ai-dynamo-runtime` wheels 0.6.1, 1.2.1 and 1.6.1, except
the gauges of the KV cache from 1.0 on: those belong to Dynamo's Python workers, and are as in its
`prometheus_names.py` and its guide to metrics. Most series appear with the first request: a process
that has served none has hardly any.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

# A frontend's metrics. The label `model` names the model; 0.6.1 writes it in lower case, except in
# metrics of a model's configuration.
REQUESTS = "dynamo_frontend_requests_total"
"""By `status` (`success`, `error`) and, from 1.2 on, `error_type`. Requests refused for lack of a
worker are mostly not counted here, but in `FAILURES`.
"""
FAILURES = "dynamo_frontend_failures_total"
"""By `class` and `reason`, for all models together (seen in 1.6.1, after the first failure)."""
UNKNOWN_MODEL = "unknown_model"
"""The value of `model` for all requests to models that the frontend does not serve."""
READY = "dynamo_frontend_model_ready"
"""1 or 0 for each model that the frontend knows: whether the registered workers meet its needs
(seen in 1.6.1). Dead workers count until their lease is over.
"""
IN_FLIGHT = "dynamo_frontend_inflight_requests"
ACTIVE = "dynamo_frontend_active_requests"
"""From 1.2 on. The same as `IN_FLIGHT`, which still exists, under a clearer name."""
QUEUED = "dynamo_frontend_queued_requests"
FIRST_TOKEN = "dynamo_frontend_time_to_first_token_seconds"
BETWEEN_TOKENS = "dynamo_frontend_inter_token_latency_seconds"
OUTPUT_TOKENS = "dynamo_frontend_output_tokens_total"
OUTPUT_SEQUENCE = "dynamo_frontend_output_sequence_tokens"
"""Its sum counts the same tokens as `OUTPUT_TOKENS`, but only once a request has ended."""
DISCONNECTED = "dynamo_frontend_disconnected_clients"
"""A frontend has this one from its start, in every release."""
TOTAL_BLOCKS = "dynamo_frontend_model_total_kv_blocks"
"""Of one worker of a model."""
WORKER_BLOCKS = "dynamo_frontend_worker_active_decode_blocks"
"""By `worker_id`, in decimal, and `dp_rank`: the KV router's estimate. Only with the KV router."""
WORKER_FIRST_TOKEN = "dynamo_frontend_worker_last_time_to_first_token_seconds"
WORKER_BETWEEN_TOKENS = "dynamo_frontend_worker_last_inter_token_latency_seconds"

# A worker's metrics. Labels: `dynamo_namespace`, `dynamo_component`, `dynamo_endpoint`, and from
# 1.2 on `worker_id`, in hex.
WORK_REQUESTS = "dynamo_component_requests_total"
WORK_IN_FLIGHT = "dynamo_component_inflight_requests"
WORK_DURATION = "dynamo_component_request_duration_seconds"
WORK_UPTIME = "dynamo_component_uptime_seconds"
KV_USE = "dynamo_component_gpu_cache_usage_percent"
"""From 0 to 1, despite its name."""
KV_USE_BEFORE = "dynamo_component_kvstats_gpu_cache_usage_percent"
"""Its name up to 0.9."""
WORK_QUEUE = "dynamo_work_handler_queue_depth"
"""Of the whole process, without labels, as is the next one."""
WORK_FIRST_RESPONSE = "dynamo_work_handler_time_to_first_response_seconds"
"""From a request's arrival at the worker to its first response."""


class MetricOwner(StrEnum):
    """The kind of process that has a metric."""

    FRONTEND = "frontend"
    WORKER = "worker"


class Expected(msgspec.Struct, frozen=True):
    """A metric that dyntop reads, under one of several names."""

    kind: MetricOwner
    names: tuple[str, ...]
    """Alternatives: the first one present counts."""
    releases: str
    """The releases in which it was seen."""


EXPECTED = (
    Expected(MetricOwner.FRONTEND, (REQUESTS,), "every release"),
    Expected(MetricOwner.FRONTEND, (IN_FLIGHT, ACTIVE), "every release"),
    Expected(MetricOwner.FRONTEND, (QUEUED,), "every release"),
    Expected(MetricOwner.FRONTEND, (FIRST_TOKEN,), "every release"),
    Expected(MetricOwner.FRONTEND, (BETWEEN_TOKENS,), "every release"),
    Expected(
        MetricOwner.FRONTEND, (OUTPUT_TOKENS, OUTPUT_SEQUENCE), "from 1.2 on; 0.6 has the second"
    ),
    Expected(MetricOwner.FRONTEND, (WORKER_BLOCKS,), "from 1.2 on, with the KV router"),
    Expected(MetricOwner.FRONTEND, (TOTAL_BLOCKS,), "every release, where workers report it"),
    Expected(MetricOwner.WORKER, (WORK_REQUESTS,), "every release"),
    Expected(MetricOwner.WORKER, (WORK_IN_FLIGHT,), "every release"),
    Expected(MetricOwner.WORKER, (WORK_DURATION,), "every release"),
    Expected(MetricOwner.WORKER, (KV_USE, KV_USE_BEFORE), "where the engine reports it"),
    Expected(MetricOwner.WORKER, (WORK_QUEUE,), "from 1.2 on"),
    Expected(MetricOwner.WORKER, (WORK_FIRST_RESPONSE,), "from 1.2 on"),
)

COUNTERS = frozenset({REQUESTS, FAILURES, OUTPUT_TOKENS, WORK_REQUESTS})
HISTOGRAMS = frozenset(
    {FIRST_TOKEN, BETWEEN_TOKENS, OUTPUT_SEQUENCE, WORK_DURATION, WORK_FIRST_RESPONSE}
)
GAUGES = frozenset(
    {
        READY,
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
"""The histograms whose buckets are read; of others only the sum."""
READ = COUNTERS | GAUGES | HISTOGRAMS
SAMPLES = (
    COUNTERS
    | GAUGES
    | {f"{name}_sum" for name in HISTOGRAMS}
    | {f"{name}_bucket" for name in QUANTILES}
)
"""Every name at the beginning of a line that is read."""


def kinds_of(found: frozenset[str]) -> frozenset[MetricOwner]:
    """Return which kinds of process have these metrics, of `READ`. Empty: no process of Dynamo."""
    own = {name for name in found if not name.startswith("dynamo_frontend_")}
    kinds = {MetricOwner.FRONTEND} if own != found else set()
    # A frontend reports its uptime under the same name as a worker.
    if own - {WORK_UPTIME} or (own and not kinds):
        kinds.add(MetricOwner.WORKER)
    return frozenset(kinds)


def not_found(found: frozenset[str]) -> list[Expected]:
    """Return the expected metrics of such a process that are missing."""
    kinds = kinds_of(found)
    return [one for one in EXPECTED if one.kind in kinds and not found & {*one.names}]
