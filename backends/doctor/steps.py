"""The steps of an examination, and what each may find. Values only: `tui/text` words them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from backends.dynamo.releases import Releases
from backends.liveness.frontends import FrontendReport
from backends.store import StoreError


class StepKind(StrEnum):
    """The steps, in their order."""

    SETTINGS = "settings"
    NAME = "name"
    PORT = "port"
    TLS = "tls"
    ANSWER = "answer"
    LOGIN = "login"
    READ = "read"
    REMOVE = "remove"
    RECORDS = "records"
    RELEASES = "releases"
    CLOCK = "clock"
    NATS = "nats"
    FRONTENDS = "frontends"
    ALARMS = "alarms"
    TERM = "term"


class StepResult(StrEnum):
    """How a step ended."""

    OK = "ok"
    WARNING = "warning"
    """It works, but look at it."""
    FAILED = "failed"
    """It has to be mended."""
    SKIPPED = "skipped"
    """A step that it depends on failed."""
    NOT_APPLICABLE = "not applicable"
    """There is nothing to look at here, or the store does not tell it."""


class ServerAddress(msgspec.Struct, frozen=True):
    """A server's address."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Opened(msgspec.Struct, frozen=True):
    """The settings are usable."""

    store: str
    address: str


class Resolved(msgspec.Struct, frozen=True):
    """What host names resolve to."""

    found: Mapping[str, tuple[str, ...]]
    """IP addresses by host."""
    failed: Mapping[str, str]
    """Reasons by host."""


class Ports(msgspec.Struct, frozen=True):
    """Which ports accept connections."""

    opened: tuple[ServerAddress, ...]
    failed: Mapping[ServerAddress, str]
    """Reasons."""


class Answers(msgspec.Struct, frozen=True):
    """Which servers answer, or take the client's TLS."""

    answered: tuple[str, ...]
    """Addresses."""
    failed: tuple[StoreError, ...] = ()
    clusters: int = 1
    """Different clusters among those that answered."""


class LoggedIn(msgspec.Struct, frozen=True):
    """The store accepts this client."""

    user: str
    """Empty: none is set."""
    is_needed: bool | None = None
    """Whether the store asks for a user. None: it does not tell."""


class Readable(msgspec.Struct, frozen=True):
    """What may be read."""

    unread: str = ""
    """What may not be read, as a clause. Empty: all may be."""


class Removable(msgspec.Struct, frozen=True):
    """Whether this user may remove keys, as the store tells of rights."""

    allowed: bool
    """Whether any key may be removed."""
    only: tuple[str, ...] = ()
    """Where, if not everywhere."""
    reason: str = ""
    """Why not, or how that is known, as a clause."""
    read_only: bool = False
    """Whether dyntop's own settings forbid it."""


class Contents(msgspec.Struct, frozen=True):
    """What is registered."""

    numbers: Mapping[bytes, int]
    """Records by the prefix of their keys; prefixes without records are left out."""
    malformed: int
    namespaces: tuple[str, ...]
    """In order."""
    namespace: str | None = None
    """The namespace that was asked for. None: all."""
    beside: tuple[str, ...] = ()
    """The namespaces that there are instead, where that one has nothing."""


class ReleasesFound(msgspec.Struct, frozen=True):
    """How many processes write as which releases."""

    numbers: Mapping[Releases | None, int]
    """None: their records do not show it, or contradict each other."""


class ClockDifference(msgspec.Struct, frozen=True):
    """How far another clock is ahead of this host's, in seconds."""

    least: float
    most: float
    whose: str
    """Whose clock it is, e.g. `etcd at http://10.0.0.7:2379`."""


class NatsAnswered(msgspec.Struct, frozen=True):
    address: str
    seconds: float
    """Time for one answer, once connected."""


class NatsFailed(msgspec.Struct, frozen=True):
    address: str
    reason: str
    """As a clause."""
    check: str
    """The settings to check."""


class NatsMissing(msgspec.Struct, frozen=True):
    """No server is named, and records are reached by NATS."""

    records: int


class FrontendsAsked(msgspec.Struct, frozen=True):
    reports: tuple[FrontendReport, ...]
    silent: int
    """Named processes that answered and are no frontend."""


class Alarms(msgspec.Struct, frozen=True):
    raised: tuple[str, ...]
    """Each with its effect, if it is known."""


class RaftTerms(msgspec.Struct, frozen=True):
    """The raft terms of etcd's members."""

    first: Mapping[str, int]
    """By address, at the first look."""
    last: Mapping[str, int]
    leaderless: tuple[str, ...]
    """Members that know no leader."""
    seconds: float
    """Between the two looks."""


class StepFailure(msgspec.Struct, frozen=True):
    """The store's error."""

    error: StoreError


class TimedOut(msgspec.Struct, frozen=True):
    seconds: float


class Skipped(msgspec.Struct, frozen=True):
    after: StepKind
    """The step that failed."""


class WhyNot(StrEnum):
    """Why a step does not apply, or is not known."""

    NO_NETWORK = "no network"
    """The store is no server."""
    PROXY = "proxy"
    """Connections go through a proxy."""
    PLAIN = "plain"
    """The address is for plain text."""
    SERVER_DECIDES = "server decides"
    """Whether TLS is used is left to the server."""
    NO_ANSWER = "no answer"
    NO_LOGIN = "no login"
    """The store has no users of its own."""
    NOT_TOLD = "not told"
    """The store does not tell it."""
    NOTHING_THERE = "nothing there"
    """No record tells it."""
    NO_CLOCK = "no clock"
    """No answer carries a time."""
    CLIENT_CERTIFICATE = "client certificate"
    """It is asked for only with a certificate that is not shown here."""
    SAME_PROCESS = "same process"
    NOT_NAMED = "not named"
    """No setting names one."""
    OTHER_STORE = "other store"
    """Only another kind of store has it."""


class NotApplicable(msgspec.Struct, frozen=True):
    reason: WhyNot


Finding = (
    Opened
    | Resolved
    | Ports
    | Answers
    | LoggedIn
    | Readable
    | Removable
    | Contents
    | ReleasesFound
    | ClockDifference
    | NatsAnswered
    | NatsFailed
    | NatsMissing
    | FrontendsAsked
    | Alarms
    | RaftTerms
    | StepFailure
    | TimedOut
    | Skipped
    | NotApplicable
)


class Step(msgspec.Struct, frozen=True):
    """One step, once it is done."""

    kind: StepKind
    result: StepResult
    finding: Finding
    store: str = ""
    """The kind of store."""
