"""Make lines of a recording from entries and evidence, and the same again from lines.

Both ways are exact. What makes something from a line raises `BadLine` if the line does not fit.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import msgspec

from backends.discovery.cluster import FirstSeen
from backends.discovery.lease_ttl import LeaseTtl
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained, DrainedOrDeleted
from backends.liveness.keys_by_lease import LeaseOrKey
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.recording.lines import (
    BadLine,
    DeleteLine,
    DrainReading,
    EntryLine,
    LeaseReading,
    LostLine,
    ProbeReading,
    PutLine,
)
from backends.store import (
    Cause,
    Delete,
    Entry,
    Forbidden,
    Lost,
    NotAuthorised,
    Refused,
    Revision,
    StoreError,
    TimeToLive,
    Unreachable,
)

if TYPE_CHECKING:
    from backends.store.owner import Owner

_HEX = re.compile(r"[0-9a-f]{1,16}")

_WITH_DETAIL: dict[str, type[NotAuthorised] | type[Refused]] = {
    one.__name__: one for one in (Forbidden, NotAuthorised, Refused)
}
"""Errors that are made of an address and a detail."""


# --- entries --------------------------------------------------------------------------------------


def entry_line(
    entry: Entry,
    seen: FirstSeen | None = None,
    value_seen: FirstSeen | None = None,
    *,
    masked: bool = False,
) -> EntryLine:
    """Return the line of an entry in a checkpoint.

    `seen`: when its key was first seen. None: not known. `value_seen`: when its value was, if that
    was later. `masked`: whether credentials in its value were masked.
    """
    line = EntryLine(**_members(entry), masked=masked)
    if seen is not None:
        line = msgspec.structs.replace(line, seen=seen.at, since=not seen.was_there)
    if value_seen is not None and value_seen != seen:
        since = not value_seen.was_there
        line = msgspec.structs.replace(line, value_seen=value_seen.at, value_since=since)
    return line


def put_line(
    entry: Entry, at: float | None, revision: str = "", *, masked: bool = False
) -> PutLine:
    """Return the line of a key that was put. `at` None: not known. `revision`: of the store."""
    return PutLine(**_members(entry), masked=masked, at=at, revision=revision)


def entry_of(line: EntryLine | PutLine) -> Entry:
    """Return the entry of a line."""
    return Entry(
        _bytes(line.key, line.key_b64),
        _bytes(line.value, line.value_b64),
        Revision(line.entry_revision),
        _number_or_none(line.lease),
        line.expired_at,
        line.unread,
        line.problem,
        None if line.owner is None else _owner_of(line.owner),
    )


def seen_of(line: EntryLine) -> FirstSeen | None:
    """Return when the key of an entry was first seen. None: not known."""
    return None if line.seen is None else FirstSeen(line.seen, was_there=not line.since)


def value_seen_of(line: EntryLine) -> FirstSeen | None:
    """Return when the present value of an entry was first seen. None: not known."""
    if line.value_seen is None:
        return seen_of(line)
    return FirstSeen(line.value_seen, was_there=not line.value_since)


def delete_line(delete: Delete, at: float | None) -> DeleteLine:
    """Return the line of a key that was removed. `at` None: not known."""
    key, key_b64 = _text(delete.key)
    return DeleteLine(
        at=at, key=key, key_b64=key_b64, revision=delete.revision, overdue=delete.overdue
    )


def delete_of(line: DeleteLine) -> Delete:
    """Return the removal of a line."""
    return Delete(_bytes(line.key, line.key_b64), line.revision, line.overdue)


# --- evidence -------------------------------------------------------------------------------------


def lease_reading(of: LeaseOrKey, lease_ttl: LeaseTtl) -> LeaseReading:
    """Return the reading of the time to live of a lease, or of a key where there are none."""
    key, key_b64 = ("", "") if isinstance(of, int) else _text(of)
    ttl, earlier = lease_ttl.ttl, lease_ttl.earlier
    return LeaseReading(
        remaining=ttl.remaining,
        at=lease_ttl.at,
        granted=ttl.granted,
        lease=f"{of:x}" if isinstance(of, int) else "",
        key=key,
        key_b64=key_b64,
        reset_ago=ttl.reset_ago,
        earlier=None if earlier is None else lease_reading(b"", earlier),
    )


def lease_ttl_of(reading: LeaseReading) -> tuple[LeaseOrKey, LeaseTtl]:
    """Return the lease or key of a reading, and its time to live."""
    lease = _number_or_none(reading.lease)
    return _bytes(reading.key, reading.key_b64) if lease is None else lease, _ttl_of(reading)


def _ttl_of(reading: LeaseReading) -> LeaseTtl:
    ttl = TimeToLive(reading.granted, reading.remaining, reading.reset_ago)
    earlier = reading.earlier
    return LeaseTtl(ttl, reading.at, None if earlier is None else _ttl_of(earlier))


def probe_reading(result: ProbeResult) -> ProbeReading:
    """Return the reading of a probe."""
    return ProbeReading(
        method=result.target.method.value,
        address=result.target.address,
        answer=result.answer.value,
        text=result.text,
        at=result.at,
        deep=result.deep,
        local=result.local,
    )


def probe_result_of(reading: ProbeReading) -> ProbeResult:
    """Return the result of a probe."""
    try:
        method, answer = ProbeMethod(reading.method), ProbeAnswer(reading.answer)
    except ValueError as error:
        raise BadLine(f"probe: {error}") from error
    target = ProbeTarget(method, reading.address)
    return ProbeResult(
        target, answer, reading.at, reading.text, deep=reading.deep, local=reading.local
    )


def drain_reading(worker: int, mark: DrainMark) -> DrainReading:
    """Return that a worker was drained."""
    if isinstance(by := mark.by, DrainedOrDeleted):
        return DrainReading(worker=f"{worker:x}", at=mark.at, has_leases=by.has_leases)
    return DrainReading(worker=f"{worker:x}", at=mark.at, user=by.user, host=by.host, act=by.act)


def drain_mark_of(reading: DrainReading) -> tuple[int, DrainMark]:
    """Return the worker that was drained, and how."""
    by: Drained | DrainedOrDeleted
    if reading.has_leases is None:
        by = Drained(reading.user, reading.host, reading.act)
    else:
        by = DrainedOrDeleted(reading.has_leases)
    return _number(reading.worker), DrainMark(reading.at, by)


def lost_line(error: StoreError, at: float) -> LostLine:
    """Return that the store was lost."""
    name = type(error).__name__
    if isinstance(error, Unreachable):
        return LostLine(
            at=at,
            error=str(error),
            type=name,
            cause=error.cause.value,
            address=error.address,
            detail=error.detail,
        )
    if isinstance(error, NotAuthorised | Refused) and name in _WITH_DETAIL:
        return LostLine(
            at=at, error=str(error), type=name, address=error.address, detail=error.detail
        )
    return LostLine(at=at, error=str(error))


def lost_of(line: LostLine) -> Lost:
    """Return that the store was lost, with an error of the same type and sentence."""
    if line.type == Unreachable.__name__:
        try:
            return Lost(Unreachable(line.address, Cause(line.cause), line.detail))
        except ValueError as error:
            raise BadLine(f"lost: {error}") from error
    if (made := _WITH_DETAIL.get(line.type)) is not None:
        return Lost(made(line.address, line.detail))
    return Lost(StoreError(line.error))


# --- bytes and numbers ----------------------------------------------------------------------------


def _members(entry: Entry) -> dict[str, Any]:
    key, key_b64 = _text(entry.key)
    value, value_b64 = _text(entry.value)
    return {
        "key": key,
        "key_b64": key_b64,
        "value": value,
        "value_b64": value_b64,
        "entry_revision": entry.revision,
        "lease": "" if entry.lease is None else f"{entry.lease:x}",
        "expired_at": entry.expired_at,
        "unread": entry.unread,
        "problem": entry.problem,
        "owner": None if entry.owner is None else msgspec.to_builtins(entry.owner),
    }


def _owner_of(members: dict[str, Any]) -> Owner:
    # Only entries of Kubernetes have one.
    from backends.store.owner import Owner

    try:
        return msgspec.convert(members, Owner)
    except msgspec.ValidationError as error:
        raise BadLine(f"owner: {error}") from error


def _text(value: bytes) -> tuple[str, str]:
    """Return bytes as a string, or in base64."""
    try:
        return value.decode(), ""
    except UnicodeDecodeError:
        return "", b64encode(value).decode()


def _bytes(text: str, base64: str) -> bytes:
    if not base64:
        return text.encode()
    if text:
        raise BadLine("bytes are there as a string and in base64")
    try:
        return b64decode(base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadLine(f"base64: {error}") from error


def _number(text: str) -> int:
    if _HEX.fullmatch(text) is None:
        raise BadLine("an id is not the hex of 64 bits")
    return int(text, 16)


def _number_or_none(text: str) -> int | None:
    return _number(text) if text else None
