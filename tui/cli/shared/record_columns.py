"""The columns of `dyntop list`: one row for each record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tui.cli.columns import TableColumn, in_natural_order
from tui.cli.output import ttl_cell
from tui.text.sanitize import plain_key

if TYPE_CHECKING:
    from backends.dynamo.records import AnyRecord
    from backends.liveness.evidence import Assessment
    from backends.store import Owner, TimeToLive
    from tui.cli.shared.reading import Publishers


class Looked(Protocol):
    """What a command read, and what it knows of each record."""

    @property
    def asked(self) -> bool:
        """Whether leases were checked."""

    def worker_of(self, record: AnyRecord) -> int | None:
        """Return the instance id of its worker, if known."""

    def time_to_live(self, record: AnyRecord) -> TimeToLive | None:
        """Return its TTL. None: it has none, or leases were not checked."""

    def assessment(self, record: AnyRecord) -> Assessment | None:
        """Return verdict and evidence. None: leases were not checked."""


class Unasked:
    """What is known of records without any lease that was checked."""

    asked = False

    def __init__(self, publishers: Publishers) -> None:
        self._publishers = publishers

    def worker_of(self, record: AnyRecord) -> int | None:
        return self._publishers.worker_of(record)

    def time_to_live(self, record: AnyRecord) -> TimeToLive | None:
        return None

    def assessment(self, record: AnyRecord) -> Assessment | None:
        return None


def _hex(number: int | None) -> str:
    return "" if number is None else f"{number:x}"


def _transport(_: Looked, record: AnyRecord) -> str:
    transport = record.transport
    return "" if transport is None else f"{transport.kind} {transport.address or ''}"


def _host(_: Looked, record: AnyRecord) -> str:
    # Imported here, as all below that only `wide` needs.
    from backends.probe.hosts import host_of

    return host_of(record) or ""


def _owner(record: AnyRecord) -> Owner | None:
    return record.entry.owner


def _node(_: Looked, record: AnyRecord) -> str:
    return "" if (owner := _owner(record)) is None else owner.node


def _pod(_: Looked, record: AnyRecord) -> str:
    return "" if (owner := _owner(record)) is None else owner.pod_name


def _readiness(_: Looked, record: AnyRecord) -> str:
    return "" if (owner := _owner(record)) is None else owner.readiness.value


def _worker(look: Looked, record: AnyRecord) -> str:
    return _hex(look.worker_of(record))


def _other_worker(look: Looked, record: AnyRecord) -> str:
    """Most often the id or the lease says it."""
    worker = look.worker_of(record)
    return "" if worker in (None, record.id.instance_id, record.lease) else _hex(worker)


def _ttl(look: Looked, record: AnyRecord) -> str:
    return ttl_cell(look.time_to_live(record)) if look.asked else ""


def _left(look: Looked, record: AnyRecord) -> float:
    ttl = look.time_to_live(record)
    return float("inf") if ttl is None else ttl.remaining


def _state(look: Looked, record: AnyRecord) -> str:
    """Return the verdict; if leases were not checked, the state by the record itself."""
    if (assessment := look.assessment(record)) is not None:
        return assessment.verdict.value
    texts = [
        f"value not known: {record.unread}" if record.unread else "",
        f"malformed: {record.malformed}" if record.malformed is not None else "",
        f"conflict: {record.conflict}" if record.conflict is not None else "",
        "expired" if record.expired_at is not None else "",
    ]
    return "; ".join(filter(None, texts)) or "listed"


def _state_and_why(look: Looked, record: AnyRecord) -> str:
    """Return `_state`, and of a finding its evidence."""
    state = _state(look, record)
    if (assessment := look.assessment(record)) is None:
        return state
    from backends.liveness.judge import FINDINGS

    found = assessment.verdict in FINDINGS
    return f"{state}: {assessment.evidence[0].text}" if found else state


def _worst_first(look: Looked, record: AnyRecord) -> object:
    if (assessment := look.assessment(record)) is None:
        return in_natural_order(_state(look, record))
    from backends.liveness.workers import SEVERITY

    return -SEVERITY.index(assessment.verdict)


def _routable(look: Looked, record: AnyRecord) -> str:
    assessment = look.assessment(record)
    if assessment is None or (routing := assessment.routing) is None:
        return ""
    return "yes" if routing.reason is None else f"no: {routing.reason.value}"


def _evidence(look: Looked, record: AnyRecord) -> str:
    return "" if (assessment := look.assessment(record)) is None else assessment.evidence[0].text


def _release(_: Looked, record: AnyRecord) -> str:
    """Return the releases that can have written it, by what it has itself."""
    from backends.dynamo.releases import releases_of

    return str(releases_of((record,)) or "")


def _key(_: Looked, record: AnyRecord) -> str:
    return plain_key(record.key)


def _telling_key(_: Looked, record: AnyRecord) -> str:
    """Who is not told by names is told by the key."""
    nameless = record.id.namespace is None or record.malformed is not None
    return plain_key(record.key) if nameless else ""


def _of(name: str) -> TableColumn[Looked, AnyRecord]:
    """Return the column of a field that only some kinds have."""

    def text(_: Looked, record: AnyRecord) -> str:
        value = getattr(record, name, None)
        return "" if value is None else str(value)

    return TableColumn({"context_length": "CONTEXT"}.get(name, name.upper()), text, wide=True)


COLUMNS: tuple[TableColumn[Looked, AnyRecord], ...] = (
    TableColumn("KIND", lambda _, one: one.kind.value),
    TableColumn("NAMESPACE", lambda _, one: one.id.namespace or ""),
    TableColumn("COMPONENT", lambda _, one: one.id.component or ""),
    TableColumn("ENDPOINT", lambda _, one: one.id.endpoint or ""),
    TableColumn("TOPIC", lambda _, one: one.id.topic or ""),
    TableColumn(
        "ID", lambda _, one: _hex(one.id.instance_id), order=lambda _, one: one.id.instance_id or 0
    ),
    TableColumn("MODEL", lambda _, one: one.model_name or ""),
    TableColumn("LORA", lambda _, one: one.id.model_suffix or ""),
    *map(_of, ("base_model", "model_type", "worker_type", "context_length", "ranks")),
    _of("device_type"),
    TableColumn("TRANSPORT", _transport),
    TableColumn("HOST", _host, wide=True),
    TableColumn("NODE", _node, wide=True),
    TableColumn("POD", _pod, wide=True),
    TableColumn("READINESS", _readiness, wide=True),
    TableColumn("LEASE", lambda _, one: _hex(one.lease), order=lambda _, one: one.lease or 0),
    TableColumn("WORKER", _worker, _other_worker, order=lambda look, one: look.worker_of(one) or 0),
    TableColumn("TTL", _ttl, order=_left, evidence=True),
    TableColumn("STATE", _state, _state_and_why, order=_worst_first, evidence=True),
    TableColumn("ROUTABLE", _routable, wide=True, evidence=True),
    TableColumn("RELEASE", _release, wide=True),
    TableColumn("REVISION", lambda _, one: one.revision, wide=True),
    TableColumn("KEY", _key, _telling_key),
    TableColumn("EVIDENCE", _evidence, wide=True, evidence=True),
)
"""In the order of the table."""
