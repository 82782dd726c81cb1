"""The steps of an examination, in their order, each within its time limit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from backends.connections import (
    Connection,
    EtcdConnection,
    FileConnection,
    KubernetesConnection,
    MemoryConnection,
    NatsKvConnection,
)
from backends.discovery.discovery import Discovery
from backends.doctor import contents, network
from backends.doctor.contact import Contact, MemoryContact, ServerAnswer
from backends.doctor.steps import (
    Answers,
    ClockDifference,
    Finding,
    FrontendsAsked,
    NatsAnswered,
    NatsMissing,
    NotApplicable,
    Opened,
    Readable,
    ReleasesFound,
    Skipped,
    Step,
    StepFailure,
    StepKind,
    StepResult,
    TimedOut,
    WhyNot,
)
from backends.dynamo.queries import EVERYTHING, Query
from backends.dynamo.records import AnyRecord
from backends.dynamo.releases import of_processes
from backends.liveness.frontends import FrontendReport
from backends.store import (
    Cause,
    Misconfigured,
    Store,
    StoreError,
    Unreachable,
)

if TYPE_CHECKING:
    from backends.nats.config import NatsConfig

LIMIT = 10.0
"""Seconds of a step, by default."""
CLOSE_LIMIT = 2.0
"""Seconds for closing all connections at the end."""
MOST_APART = 1.0
"""Seconds by which two clocks may differ without a remark."""

TLS_CAUSES = frozenset({Cause.TLS_EXPECTED, Cause.PLAIN_EXPECTED, Cause.CERTIFICATE})
TLS_SETTINGS = ("ETCD_AUTH_CA", "ETCD_AUTH_CLIENT_CERT", "ETCD_AUTH_CLIENT_KEY", "NATS_TLS_")

T = TypeVar("T")
Outcome = tuple[StepResult, Finding]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is examined."""

    connection: Connection
    query: Query = EVERYTHING
    """The records that are looked at."""
    store: Store | None = None
    """An open store in this process, in place of the connection. It is closed at the end."""
    nats: NatsConfig | None = None
    """The NATS server of services and channels. None: none is named."""
    frontends: int = 0
    """Processes that are named as frontends."""
    ask_frontends: Callable[[], Awaitable[Sequence[FrontendReport]]] | None = None
    read_only: bool = False
    """Whether dyntop's own settings forbid removals."""
    limit: float = LIMIT
    """Seconds of each step."""


async def examine(asked: Asked) -> AsyncGenerator[Step, None]:
    """Yield each step once it is done, one of each kind. Raises nothing of a store.

    Writes nothing to it. A step that depends on one that failed is skipped.
    """
    examination = _Examination(asked)
    try:
        async for step in examination.steps():
            yield step
    finally:
        await examination.aclose()


class _Examination:
    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._store = "memory" if asked.store is not None else asked.connection.backend
        self._contact: Contact | None = None
        self._answers: Sequence[ServerAnswer] = ()
        self._records: Sequence[AnyRecord] = ()
        self._failed: StepKind | None = None
        """The step without which those that follow make no sense."""
        self._unread = False

    async def steps(self) -> AsyncGenerator[Step, None]:
        """Yield all steps."""
        yield await self._step(StepKind.SETTINGS, self._settings, needed=True)
        yield await self._step(StepKind.NAME, self._names, needed=True)
        yield await self._step(StepKind.PORT, self._ports, needed=True)
        # One small request to each server tells of TLS, of the server and of the user.
        first = await self._step(StepKind.ANSWER, self._first_answers)
        for kind, outcome in (
            (StepKind.TLS, self._tls),
            (StepKind.ANSWER, self._answered),
            (StepKind.LOGIN, self._logged_in),
        ):
            if isinstance(first.finding, TimedOut):
                yield self._without_answer(kind, first)
            else:
                yield await self._step(kind, outcome, needed=True)
        read = await self._step(StepKind.READ, self._read)
        yield read
        if _is_away(read.finding):
            self._failed = StepKind.READ
        unread = self._failed or (StepKind.READ if self._unread else None)
        yield await self._step(StepKind.REMOVE, self._removable)
        yield await self._step(StepKind.RECORDS, self._contents, unless=unread)
        yield await self._step(StepKind.RELEASES, self._releases, unless=unread)
        yield await self._step(StepKind.CLOCK, self._clock)
        away, self._failed = self._failed, None
        yield await self._step(StepKind.NATS, self._nats)
        yield await self._step(StepKind.FRONTENDS, self._frontends)
        self._failed = away
        yield await self._step(StepKind.ALARMS, self._alarms)
        yield await self._step(StepKind.TERM, self._terms)

    async def aclose(self) -> None:
        if self._contact is not None:
            with contextlib.suppress(TimeoutError, StoreError):
                async with asyncio.timeout(CLOSE_LIMIT):
                    await self._contact.aclose()

    async def _step(
        self,
        kind: StepKind,
        look: Callable[[], Awaitable[Outcome]],
        *,
        needed: bool = False,
        unless: StepKind | None = None,
    ) -> Step:
        """Return how a step ended. `needed`: the steps that follow depend on it. `unless`: a failed
        step that it depends on."""
        if (before := self._failed or unless) is not None:
            return Step(kind, StepResult.SKIPPED, Skipped(before), self._store)
        finding: Finding
        try:
            async with asyncio.timeout(self._asked.limit):
                result, finding = await look()
        except TimeoutError:
            result, finding = StepResult.FAILED, TimedOut(self._asked.limit)
        except StoreError as error:
            result, finding = StepResult.FAILED, StepFailure(error)
        if needed and result is StepResult.FAILED:
            self._failed = kind
        return Step(kind, result, finding, self._store)

    def _without_answer(self, kind: StepKind, first: Step) -> Step:
        """Return a step about first answers, where none came within the time limit."""
        if kind is StepKind.TLS:
            finding = NotApplicable(WhyNot.NO_ANSWER)
            return Step(kind, StepResult.NOT_APPLICABLE, finding, self._store)
        if kind is StepKind.ANSWER:
            self._failed = kind
            return first
        return Step(kind, StepResult.SKIPPED, Skipped(StepKind.ANSWER), self._store)

    @property
    def _opened(self) -> Contact:
        assert self._contact is not None
        return self._contact

    async def _settings(self) -> Outcome:
        self._contact = await _contact(self._asked)
        store = self._contact.store
        return StepResult.OK, Opened(store.name, store.address)

    async def _names(self) -> Outcome:
        contact = self._opened
        if not contact.addresses:
            return _not_applicable(contact.why_no_address)
        found = await network.resolved(contact.addresses, self._asked.limit * 0.9)
        return _of_some(len(found.found), len(found.failed)), found

    async def _ports(self) -> Outcome:
        contact = self._opened
        if not contact.addresses:
            return _not_applicable(contact.why_no_address)
        found = await network.ports(contact.addresses, self._asked.limit * 0.9)
        return _of_some(len(found.opened), len(found.failed)), found

    async def _first_answers(self) -> Outcome:
        self._answers = await self._opened.answers()
        return StepResult.OK, Answers(())

    async def _tls(self) -> Outcome:
        failed = tuple(one.error for one in self._answers if one.error and _is_tls(one.error))
        taken = tuple(one.address for one in self._answers if one.tls and _has_answered(one))
        if failed:
            others = any(_has_answered(one) for one in self._answers)
            return _of_some(others, len(failed)), Answers(taken, failed)
        if taken:
            return StepResult.OK, Answers(taken)
        if not any(one.tls for one in self._answers):
            if not self._opened.addresses:
                return _not_applicable(self._opened.why_no_address)
            by_server = self._store == "nats"
            return _not_applicable(WhyNot.SERVER_DECIDES if by_server else WhyNot.PLAIN)
        return _not_applicable(WhyNot.NO_ANSWER)

    async def _answered(self) -> Outcome:
        answered = [one for one in self._answers if _has_answered(one)]
        failed = tuple(one.error for one in self._answers if one.error and not _has_answered(one))
        clusters = len({one.cluster for one in answered if one.cluster}) or 1
        found = Answers(tuple(one.address for one in answered), failed, clusters)
        if clusters > 1:
            return StepResult.FAILED, found
        return _of_some(len(answered), len(failed)), found

    async def _logged_in(self) -> Outcome:
        refusals = [one.error for one in self._answers if one.error and _has_answered(one)]
        accepted = any(one.error is None for one in self._answers)
        if refusals and not accepted:
            return StepResult.FAILED, StepFailure(refusals[0])
        try:
            found = await self._opened.login()
        except Unreachable:
            # It answered before; reading says what is wrong.
            return _not_applicable(WhyNot.NO_ANSWER)
        if isinstance(found, NotApplicable):
            return StepResult.NOT_APPLICABLE, found
        return StepResult.OK, found

    async def _read(self) -> Outcome:
        self._unread = True
        discovery = Discovery(self._opened.store)
        self._records, unread = await discovery.list_readable(self._asked.query)
        self._unread = False
        return StepResult.WARNING if unread else StepResult.OK, Readable(unread)

    async def _removable(self) -> Outcome:
        found = await self._opened.removable(self._asked.query.prefixes)
        if isinstance(found, NotApplicable):
            return StepResult.NOT_APPLICABLE, found
        found = msgspec.structs.replace(found, read_only=self._asked.read_only)
        if not found.allowed:
            return StepResult.WARNING, found
        return StepResult.WARNING if found.only else StepResult.OK, found

    async def _contents(self) -> Outcome:
        namespace = self._asked.query.namespace
        found = contents.contents(self._records, namespace)
        if not self._records and namespace is not None:
            # Where one namespace has nothing, another may be meant.
            query = msgspec.structs.replace(self._asked.query, namespace=None)
            with contextlib.suppress(StoreError):
                others, _ = await Discovery(self._opened.store).list_readable(query)
                found = msgspec.structs.replace(found, beside=contents.namespaces(others))
        well = self._records and not found.malformed
        return StepResult.OK if well else StepResult.WARNING, found

    async def _releases(self) -> Outcome:
        numbers = of_processes(self._records)
        if not numbers:
            return _not_applicable(WhyNot.NOTHING_THERE)
        return StepResult.OK, ReleasesFound(numbers)

    async def _clock(self) -> Outcome:
        try:
            found = await self._opened.clock(self._records)
        except OSError:
            return _not_applicable(WhyNot.NO_CLOCK)
        if isinstance(found, NotApplicable):
            return StepResult.NOT_APPLICABLE, found
        return StepResult.OK if _agree(found) else StepResult.WARNING, found

    async def _nats(self) -> Outcome:
        if self._asked.nats is None:
            if number := contents.by_nats(self._records):
                # The demo's own NATS is in this process.
                if self._asked.store is not None:
                    return _not_applicable(WhyNot.SAME_PROCESS)
                return StepResult.WARNING, NatsMissing(number)
            return _not_applicable(WhyNot.NOT_NAMED)
        from backends.doctor.nats import asked

        found = await asked(self._asked.nats, self._asked.limit)
        ok = isinstance(found, NatsAnswered)
        return StepResult.OK if ok else StepResult.FAILED, found

    async def _frontends(self) -> Outcome:
        if self._asked.ask_frontends is None or not self._asked.frontends:
            return _not_applicable(WhyNot.NOT_NAMED)
        reports = tuple(await self._asked.ask_frontends())
        found = FrontendsAsked(reports, max(0, self._asked.frontends - len(reports)))
        troubled = sum(bool(one.trouble) for one in reports)
        if not reports:
            return StepResult.WARNING, found
        return _of_some(len(reports) - troubled, troubled), found

    async def _alarms(self) -> Outcome:
        found = await self._opened.alarms()
        if isinstance(found, NotApplicable):
            return StepResult.NOT_APPLICABLE, found
        return StepResult.FAILED if found.raised else StepResult.OK, found

    async def _terms(self) -> Outcome:
        found = await self._opened.terms()
        if isinstance(found, NotApplicable):
            return StepResult.NOT_APPLICABLE, found
        if found.leaderless:
            return StepResult.FAILED, found
        steady = len({*found.first.values(), *found.last.values()}) <= 1
        return StepResult.OK if steady else StepResult.WARNING, found


async def _contact(asked: Asked) -> Contact:
    """Return what asks the store. Imports its library. Raises `StoreError`."""
    if asked.store is not None:
        return MemoryContact(asked.store)
    match asked.connection:
        case EtcdConnection() as connection:
            from backends.doctor.etcd import EtcdContact

            return EtcdContact(connection, asked.limit)
        case FileConnection(root=root):
            from backends.doctor.folder import FolderContact

            return FolderContact(root)
        case KubernetesConnection() as connection:
            from backends.doctor.kubernetes import KubernetesContact

            return await KubernetesContact.open(connection, asked.limit)
        case NatsKvConnection(config=config):
            from backends.doctor.nats import NatsContact

            return NatsContact(config, asked.limit)
        case MemoryConnection():
            from backends.memory import MemoryStore

            return MemoryContact(MemoryStore())


def _is_away(finding: Finding) -> bool:
    """Return whether a store stopped answering, so that asking it for more is of no use."""
    if isinstance(finding, StepFailure):
        return isinstance(finding.error, Unreachable)
    return isinstance(finding, TimedOut)


def _is_tls(error: StoreError) -> bool:
    if isinstance(error, Misconfigured):
        return error.setting.startswith(TLS_SETTINGS)
    return isinstance(error, Unreachable) and error.cause in TLS_CAUSES


def _has_answered(answer: ServerAnswer) -> bool:
    """Return whether the server answered, be it with a refusal."""
    error = answer.error
    return error is None or not (isinstance(error, Unreachable) or _is_tls(error))


def _of_some(well: int, failed: int) -> StepResult:
    """Return the result where some of several servers suffice."""
    if not failed:
        return StepResult.OK
    return StepResult.WARNING if well else StepResult.FAILED


def _agree(found: ClockDifference) -> bool:
    return found.least <= MOST_APART and found.most >= -MOST_APART


def _not_applicable(reason: WhyNot) -> Outcome:
    return StepResult.NOT_APPLICABLE, NotApplicable(reason)
