"""Lines of a recording give back exactly what they were made of, and bad ones one error."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.discovery.cluster import FirstSeen
from backends.discovery.lease_ttl import LeaseTtl
from backends.liveness.drain_marks import DrainMark
from backends.liveness.evidence_kinds import Drained, DrainedOrDeleted
from backends.probe.types import ProbeAnswer, ProbeMethod, ProbeResult, ProbeTarget
from backends.recording.entry_lines import (
    delete_line,
    delete_of,
    drain_mark_of,
    drain_reading,
    entry_line,
    entry_of,
    lease_reading,
    lease_ttl_of,
    lost_line,
    lost_of,
    probe_reading,
    probe_result_of,
    put_line,
    seen_of,
    value_seen_of,
)
from backends.recording.lines import (
    AnyLine,
    BadLine,
    DeleteLine,
    DrainsLine,
    EntryLine,
    LeasesLine,
    LostLine,
    ProbesLine,
    PutLine,
    decode,
    encode,
)
from backends.store import (
    Cause,
    Delete,
    Entry,
    Forbidden,
    NotAuthorised,
    Refused,
    Revision,
    StoreError,
    TimeToLive,
    Unreachable,
)
from backends.store.owner import Owner
from tests.support.strategies import u64

AT = 1_790_000_000.25

times = st.floats(0, 4e9)
maybe_times = st.none() | times
# Any bytes, and texts, which are stored as they are.
any_bytes = st.binary(max_size=40) | st.text(max_size=40).map(str.encode)
texts = st.text(max_size=20)
# Their times come from Kubernetes, which has no others.
owners = st.from_type(Owner).filter(lambda one: not re.search(r"=-?(inf|nan)\b", repr(one)))
entries = st.builds(
    # hypothesis cannot look up what `Entry` names for type checkers only
    lambda **members: Entry(**members),
    key=any_bytes,
    head=any_bytes,
    tail=any_bytes,
    revision=texts.map(Revision),
    lease=st.none() | u64,
    expired_at=maybe_times,
    unread=texts,
    problem=texts,
    owner=st.none() | owners,
)
seen_times = st.none() | st.builds(FirstSeen, at=times, was_there=st.booleans())
seconds = st.floats(-1e6, 1e6)
ttls = st.builds(
    TimeToLive, granted=st.none() | seconds, remaining=seconds, reset_ago=st.none() | seconds
)
lease_ttls = st.builds(
    LeaseTtl,
    ttl=ttls,
    at=times,
    earlier=st.none() | st.builds(LeaseTtl, ttl=ttls, at=times, earlier=st.none()),
)
results = st.builds(
    ProbeResult,
    target=st.builds(ProbeTarget, method=st.sampled_from(ProbeMethod), address=texts),
    answer=st.sampled_from(ProbeAnswer),
    at=times,
    text=texts,
    deep=st.booleans(),
    local=st.booleans(),
)
marks = st.builds(
    DrainMark,
    at=times,
    by=st.builds(Drained, user=st.none() | texts, host=st.none() | texts, act=st.none() | texts)
    | st.builds(DrainedOrDeleted, has_leases=st.booleans()),
)
errors = st.one_of(
    st.builds(Unreachable, address=texts, cause=st.sampled_from(Cause), detail=texts),
    *(st.builds(kind, address=texts, detail=texts) for kind in (Forbidden, NotAuthorised, Refused)),
    st.builds(StoreError, texts),
)

members = st.none() | st.dictionaries(
    st.sampled_from(Owner.__struct_fields__), st.none() | texts | seconds | st.lists(texts)
)

LineT = TypeVar("LineT", bound=AnyLine)


def stored(line: LineT) -> LineT:
    """Return a line as it is read back from a file."""
    text = encode(line)
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    read = decode(text[:-1])
    assert type(read) is type(line)
    return read


@given(entries, seen_times, seen_times)
def test_an_entry_of_a_checkpoint_comes_back_with_its_times(
    entry: Entry, seen: FirstSeen | None, value_seen: FirstSeen | None
) -> None:
    line = stored(entry_line(entry, seen, value_seen))

    back = entry_of(line)
    assert (back, back.problem) == (entry, entry.problem)
    assert seen_of(line) == seen
    assert value_seen_of(line) == (value_seen or seen)


@given(entries, maybe_times, texts)
def test_a_put_comes_back(entry: Entry, at: float | None, revision: str) -> None:
    line = stored(put_line(entry, at, revision))

    assert (entry_of(line), entry_of(line).problem) == (entry, entry.problem)
    assert (line.at, line.revision) == (at, revision)


@given(any_bytes, texts, st.none() | seconds, maybe_times)
def test_a_removal_comes_back(
    key: bytes, revision: str, overdue: float | None, at: float | None
) -> None:
    line = stored(delete_line(Delete(key, revision, overdue), at))

    back = delete_of(line)
    assert (back.key, back.revision, back.overdue, line.at) == (key, revision, overdue, at)


@given(u64 | any_bytes, lease_ttls)
def test_a_reading_of_a_lease_comes_back(of: int | bytes, lease_ttl: LeaseTtl) -> None:
    line = stored(LeasesLine(at=AT, leases=(lease_reading(of, lease_ttl),)))

    back_of, back = lease_ttl_of(line.leases[0])
    assert (back_of, repr(back)) == (of, repr(lease_ttl))  # `reset_ago` is not compared


@given(results)
def test_a_probe_comes_back(result: ProbeResult) -> None:
    line = stored(ProbesLine(at=AT, probes=(probe_reading(result),)))

    assert probe_result_of(line.probes[0]) == result


@given(u64, marks)
def test_a_drain_comes_back(worker: int, mark: DrainMark) -> None:
    line = stored(DrainsLine(at=AT, drains=(drain_reading(worker, mark),)))

    assert drain_mark_of(line.drains[0]) == (worker, mark)


@given(errors)
def test_the_error_of_a_lost_store_comes_back_with_its_type_and_sentence(error: StoreError) -> None:
    back = lost_of(stored(lost_line(error, AT))).error

    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


def test_ids_are_hex_since_readers_of_json_round_large_numbers() -> None:
    text = encode(put_line(Entry(b"a", b"b", Revision("1"), 2**64 - 1), AT))

    assert b'"lease":"ffffffffffffffff"' in text


def test_half_a_surrogate_pair_in_a_text_of_the_system_is_escaped() -> None:
    line = stored(put_line(Entry(b"a", b"b", Revision("1"), problem="file \udcff"), AT))

    assert entry_of(line).problem == "file \\udcff"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'"put"',
        b"{}",
        b'{"kind":"put","key":1}',
        b'{"kind":"put","key":"\xff"}',
        b'{"kind":"delete","at":"now"}',
        b'{"kind":"leases","at":1,"leases":[' + b'{"earlier":' * 100_000,
    ],
)
def test_a_line_that_does_not_fit_raises_one_error(text: bytes) -> None:
    with pytest.raises(BadLine):
        decode(text)


@pytest.mark.parametrize(
    "line",
    [
        EntryLine(key="a", key_b64="YQ=="),
        EntryLine(key_b64="?"),
        EntryLine(lease="-1"),
        EntryLine(lease="0x1"),
        EntryLine(lease="10000000000000000"),
        EntryLine(owner={"name": 1}),
    ],
)
def test_an_entry_that_does_not_fit_raises_the_same_error(line: EntryLine) -> None:
    with pytest.raises(BadLine):
        entry_of(line)


def test_a_line_of_a_later_kind_is_none_and_later_members_are_skipped() -> None:
    assert decode(b'{"kind":"of tomorrow","at":1}') is None
    assert decode(b'{"kind":"alive","at":1,"of":"tomorrow"}') == decode(b'{"kind":"alive","at":1}')


@given(
    st.builds(EntryLine, key=texts, key_b64=texts, value_b64=texts, lease=texts, owner=members)
    | st.builds(PutLine, key_b64=texts, value=texts, value_b64=texts, owner=members)
    | st.from_type(DeleteLine)
    | st.from_type(LostLine)
)
def test_whatever_a_line_has_makes_an_entry_or_the_one_error(
    line: EntryLine | PutLine | DeleteLine | LostLine,
) -> None:
    with suppress(BadLine):
        match line:
            case EntryLine() | PutLine():
                entry_of(line)
            case DeleteLine():
                delete_of(line)
            case LostLine():
                lost_of(line)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_line_or_none_or_the_one_error(text: bytes) -> None:
    with suppress(BadLine):
        assert isinstance(decode(text), msgspec.Struct | None)
