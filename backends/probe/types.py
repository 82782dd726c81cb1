"""Types of probes: method, target, answer, result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class ProbeMethod(StrEnum):
    """How an address is probed."""

    TCP = "tcp"
    """The TCP request plane: connect. Deep: a request for an endpoint that cannot exist."""
    HTTP = "http"
    """The HTTP request plane: connect. There is no deeper probe."""
    ZMTP = "zmtp"
    """Connect, and wait for the greeting that a ZMQ socket sends on accept."""
    HEALTH = "health"
    """`/health` of a worker's system server, judged by its `endpoints`."""
    NATS = "nats"
    """Whether a NATS service lists the subject (`$SRV.INFO`)."""


class ProbeTarget(msgspec.Struct, frozen=True, order=True):
    """An address to probe, once for all records that name it."""

    method: ProbeMethod
    address: str
    """`host:port`; for HEALTH the URL `http://host:port`; for NATS the endpoint's subject."""


NATS_SERVER = ProbeTarget(ProbeMethod.NATS, "NATS server")
"""Whether NATS can be reached: the only question about a channel on NATS. No real subject has a
blank in it.
"""


class ProbeAnswer(StrEnum):
    """What a probe's outcome proves."""

    ANSWERS = "answers"
    """The process itself answered: it runs."""
    ACCEPTS = "accepts"
    """The kernel accepts connections. That proves nothing about the process."""
    REFUSED = "refused"
    """The address refuses connections: nothing listens there, or a firewall answers for it."""
    UNREACHED = "unreached"
    """The process was not reached: packets were not answered, the network reported them as
    undeliverable, or a connection was reset or led to another program. The cause may be the
    process, or the way from this host.
    """
    SILENT = "silent"
    """A connection was accepted, but the process did not answer in time."""
    AWAY = "away"
    """The NATS server that carries it cannot be reached. So it cannot be reached either, whether
    its process runs or not.
    """
    UNTRIED = "untried"
    """This host could not probe it: a name that does not resolve, no socket, no NATS."""

    @property
    def failed(self) -> bool:
        """Return whether the probe failed."""
        return self in FAILED


FAILED = frozenset({ProbeAnswer.REFUSED, ProbeAnswer.UNREACHED, ProbeAnswer.SILENT})
"""The answers of failed probes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The finding of one probe method."""

    answer: ProbeAnswer
    text: str
    """The observation, as a clause that follows the address: `refuses connections`."""
    local: bool = field(default=False, compare=False)
    """Whether the address is one of this host's own."""


class ProbeResult(msgspec.Struct, frozen=True):
    """The result of one probe."""

    target: ProbeTarget
    answer: ProbeAnswer
    at: float
    """POSIX seconds at which it ended."""
    text: str
    """The observation, as a clause that follows the address: `refuses connections`."""
    deep: bool = False
    """Whether the process itself was asked, where a connection alone would do."""
    local: bool = False
    """Whether the address is one of this host's own, so that no network is in between."""
