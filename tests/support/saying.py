"""What services say, as NATS micro v1 writes it, and what is registered of them."""

from __future__ import annotations

import json
from typing import Any

from backends.dynamo.records import EndpointInstance, Transport
from backends.dynamo.registration import EndpointSpec
from backends.services.parse import DEFAULT_LIMITS, AnswerLimits, ServiceAnswers
from backends.services.types import StatsScrape
from tests.support.registered import KeyAndValue, record

GENERATE = "prod_backend.generate-1"


def endpoint(subject: str = GENERATE, requests: object = 10, **more: object) -> dict[str, Any]:
    """One endpoint of a STATS answer; each request took a millisecond."""
    took = requests * 1_000_000 if isinstance(requests, int) else 0
    counted = {"num_requests": requests, "num_errors": 0, "processing_time": took}
    return {"subject": subject, "name": "x", **counted, "last_error": "", **more}


def said(
    kind: str, *endpoints: object, id: str = "one", name: str = "prod_backend", **more: object
) -> bytes:
    """An answer to `$SRV.PING`, `$SRV.INFO` or `$SRV.STATS`."""
    answer: dict[str, object] = {"type": f"io.nats.micro.v1.{kind}_response", "id": id}
    answer |= {"name": name, "version": "1.2.1"}
    if kind != "ping":
        answer["endpoints"] = endpoints
    if kind == "stats":
        answer["started"] = "2026-11-21T16:51:11.336781828Z"
    return json.dumps(answer | more).encode()


def scraped(
    *answers: bytes,
    at: float = 1000.0,
    moment: float = 1.0,
    limits: AnswerLimits = DEFAULT_LIMITS,
) -> StatsScrape:
    """What a scrape makes of these, which all came at one moment."""
    found = ServiceAnswers((), limits)
    for answer in answers:
        found.take(answer, moment)
    return found.scrape(at)


def nats_entry(
    worker: int, endpoint: str = "generate", component: str = "backend", namespace: str = "prod"
) -> KeyAndValue:
    """What a worker of the NATS request plane registers."""
    subject = f"{namespace}_{component}.{endpoint}-{worker:x}"
    spec = EndpointSpec(
        namespace=namespace,
        component=component,
        endpoint=endpoint,
        transport=Transport(kind="nats_tcp", address=subject),
    )
    return spec.entry(worker)


def nats_instance(worker: int, endpoint: str = "generate") -> EndpointInstance:
    found = record(nats_entry(worker, endpoint))
    assert isinstance(found, EndpointInstance)
    return found
