"""What requests to a frontend get: their status, and which workers took them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import Request

from tests.support.dynamo import DIRECTLY

NO_ANSWER = 0
"""In place of a status: the connection failed, or nothing came in time."""
TIMEOUT = 60.0
"""Seconds that a request may take. A frontend of 1.6.1 gives up on a silent worker after five."""
MOST = 24
"""Requests made of one frontend for one look."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request got."""

    status: int
    takers: frozenset[str] = frozenset()
    """The ids of the workers that took it, in lower-case hex: of prefill and of decode."""

    @property
    def ok(self) -> bool:
        return self.status == 200


@dataclass(frozen=True, slots=True)
class Answers:
    """What requests for one model at one frontend got."""

    statuses: tuple[int, ...]
    takers: frozenset[str]
    """The workers that took one of those that were answered."""
    listed: frozenset[str]
    """What its `/v1/models` names. Empty, too, where it does not answer."""

    @property
    def served(self) -> bool:
        """Whether any was answered."""
        return 200 in self.statuses

    @property
    def all_served(self) -> bool:
        """Whether each was answered."""
        return {*self.statuses} == {200}

    def __str__(self) -> str:
        """`4 × 200 · 2 × 503`."""
        counted = sorted(Counter(self.statuses).items())
        return " · ".join(f"{count} × {status or 'nothing'}" for status, count in counted)


def chat(url: str, model: str, text: str, tokens: int = 4, timeout: float = TIMEOUT) -> Answer:
    """Make one chat request of a frontend, for an answer of so many tokens."""
    asked = {
        "model": model,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": tokens,
        "nvext": {"extra_fields": ["worker_id"]},
    }
    request = Request(
        f"{url}/v1/chat/completions",
        json.dumps(asked).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with DIRECTLY.open(request, timeout=timeout) as answer:
            body = json.load(answer)
            status: int = answer.status
    except HTTPError as error:
        with error:
            return Answer(error.code)
    except (OSError, ValueError):
        return Answer(NO_ANSWER)
    took = (body.get("nvext") or {}).get("worker_id") or {}
    ids = (took.get("prefill_worker_id"), took.get("decode_worker_id"))
    return Answer(status, frozenset(f"{number:x}" for number in ids if number is not None))


def listed(url: str) -> frozenset[str]:
    """What a frontend says that it serves."""
    try:
        with DIRECTLY.open(f"{url}/v1/models", timeout=TIMEOUT) as answer:
            return frozenset(model["id"] for model in json.load(answer)["data"])
    except (OSError, ValueError):
        return frozenset()


def ask(url: str, model: str, until: frozenset[str] = frozenset(), count: int = 4) -> Answers:
    """Make some requests of a frontend, one after another: `count`, and as many more, within
    bounds, as it takes to have reached each worker of `until`."""
    answers: list[Answer] = []
    takers: frozenset[str] = frozenset()
    for text in _texts():
        if len(answers) == MOST or (len(answers) >= count and until <= takers):
            break
        answers.append(chat(url, model, text))
        takers |= answers[-1].takers
        # One that gives up on a worker takes its time, and the next ones get no other answer.
        if not answers[-1].ok and len(answers) >= count:
            break
    return Answers(tuple(one.status for one in answers), takers, listed(url))


def _texts() -> Iterator[str]:
    """Prompts without a common beginning, so that no router prefers who has the last one cached."""
    number = 0
    while True:
        number += 1
        yield f"{number} hello " * 4
