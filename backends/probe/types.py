"""What is probed, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    """How an address is asked."""

    TCP = "tcp"
    """The TCP request plane: connect. Deep: its refusal of an endpoint that cannot exist."""
    HTTP = "http"
    """The HTTP request plane: connect. There is nothing deeper."""
    ZMTP = "zmtp"
    """Connect, and wait for the greeting that a ZMQ socket sends on accept."""
    HEALTH = "health"
    """`/health` of a worker's system server, judged by its `endpoints`."""
    NATS = "nats"
    """Whether a NATS service lists the subject (`$SRV.INFO`)."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """Where something listens; probed once, however many records name it."""

    method: Method
    address: str
    """`host:port`; for HEALTH the URL `http://host:port`; for NATS the endpoint's subject."""


class Answer(StrEnum):
    """What a probe proves."""

    ANSWERS = "answers"
    """The process itself did: it runs."""
    ACCEPTS = "accepts"
    """The kernel accepts connections; of the process it says nothing."""
    REFUSED = "refused"
    """Nothing listens there."""
    SILENT = "silent"
    """Not what should answer there, in time: nothing came, or something else."""
    UNTRIED = "untried"
    """It could not be asked from here: a name that does not resolve, no route, no NATS."""

    @property
    def failed(self) -> bool:
        """Whether it is evidence against the process."""
        return self in (Answer.REFUSED, Answer.SILENT)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one way of asking found."""

    answer: Answer
    text: str
    """What was seen, to follow the address in a sentence: `refuses connections`."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of one probe."""

    target: Target
    answer: Answer
    at: float
    """POSIX seconds at which it ended."""
    text: str
    """What was seen, to follow the address in a sentence: `refuses connections`."""
    deep: bool = False
    """Whether the process itself was asked for an answer, where a connection alone would do."""
