"""A recording is input from others: what is wrong with it is one sentence, and bounded."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from unittest.mock import ANY

import msgspec
import pytest

from backends.recording import zstd
from backends.recording.entry_lines import entry_line, put_line
from backends.recording.errors import BadRecording, NotRecorded
from backends.recording.frames import Limits
from backends.recording.lines import FORMAT, AliveLine, AnyLine, Checkpoint, GapLine
from backends.recording.reader import Recording
from backends.recording.recording_timeline import RecordingTimeline
from backends.store import Lost, Put
from backends.timeline import StoreEvents
from tests.recording.frames import (
    START,
    beginning,
    entry,
    header,
    packed,
    text_of,
    unfinished,
    written,
)
from tui.text.errors import Exit, explain

KEY = b"v1/instances/ns/comp/gen/1"


def a_folder(path: Path) -> None:
    path.mkdir()


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def nothing(path: Path) -> None:
    del path


def of(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def cut_checkpoint() -> bytes:
    lines = beginning([entry(KEY)])
    return unfinished(lines[:-1])


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (nothing, "there is no such file"),
        (a_folder, "it is a folder"),
        (a_pipe, "it is a pipe, a socket or a device"),
        (of(b""), "it is empty"),
        (of(b"\x28\xb5"), "it is not a recording of dyntop"),
        (of(b"\x28\xb5\x2f\xfd" + b"\xff" * 50), "it is damaged: it cannot be unpacked"),
        (of(gzip.compress(b"{}")), "it is not a recording of dyntop: it is gzip"),
        (of(b'{"kind":"alive"}\n'), "it is not a recording of dyntop: it is plain JSON"),
        (of(packed([b"what\n"])), "it is damaged"),
        (of(packed([AliveLine(at=START)])), "its first line is another"),
        (of(packed([b'{"kind":"later"}\n'])), "its first line is another"),
        (of(packed([header()])[:10]), "it ends before its first line does"),
        (of(packed([header(at=253_402_300_799.0)])), "does not begin with what"),
        (of(packed([header(version=FORMAT + 1)])), f"its format is {FORMAT + 1}, and this dyntop"),
        (of(packed([header()])), "does not begin with what is registered"),
        (of(packed(beginning([entry(KEY)])[:-1])), "has fewer entries than it says"),
        (of(cut_checkpoint()), "has fewer entries than it says"),
        (of(packed([header(at=1e308), Checkpoint(at=START, entries=0)])), "a time is none"),
        (of(packed([header(), Checkpoint(at=-1.0, entries=0)])), "a time is none"),
        (of(packed([header(), Checkpoint(at=START, entries=-1)])), "entries"),
        (of(packed([header(), Checkpoint(at=START, entries=10**9)])), "more than 500,000 entries"),
    ],
)
async def test_what_is_no_recording_is_named_in_one_sentence(
    make: Callable[[Path], None], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "it\x1b[31m"
    make(path)
    with pytest.raises(BadRecording) as raised:
        await RecordingTimeline.load(os.fspath(path))
    text = explain(raised.value)
    assert text.exit_code is Exit.USAGE
    assert why in text.sentence
    assert text.sentence.isprintable()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"not JSON\n", "it is damaged"),
        (b'{"kind":"put","at":"soon"}\n', "it is damaged: put"),
        (b'{"kind":"put","at":NaN}\n', "it is damaged"),
        (b'{"kind":"put","at":1e400}\n', "it is damaged"),
        (b'{"kind":"put","at":1e308}\n', "a time is none"),
        (b'{"kind":"put","lease":"10000000000000000"}\n', "not the hex of 64 bits"),
        (b'{"kind":"put","lease":18446744073709551616}\n', "it is damaged: put"),
        (b'{"kind":"put","key_b64":"!"}\n', "base64"),
        (b'{"kind":"put","owner":{"name":1}}\n', "owner"),
        (b'{"kind":"put","owner":' + b'{"a":' * 100_000 + b"\n", "it is damaged"),
        (b'{"kind":"delete","at":-5}\n', "a time is none"),
        (b'{"kind":"gap","at":1900000000,"changes":3}\n', "fewer changes follow a gap"),
        (b'{"kind":"lost","at":1,"error":"","type":"Unreachable","cause":"?"}\n', "lost"),
        (b'{"kind":"probes","at":1,"probes":[{"method":"?","address":"","answer":"?",'
         b'"text":"","at":1}]}\n', "probe"),
        (b'{"kind":"leases","at":1,"leases":[{"remaining":1e300,"at":1,"lease":"1"}]}\n',
         "a number of seconds is none"),
        (b'{"kind":"drains","at":1,"drains":[{"worker":"x","at":1}]}\n', "hex"),
        (b'{"kind":"checkpoint","at":1,"entries":0}\n', "a checkpoint begins"),
    ],
)  # fmt: skip
async def test_what_is_before_a_bad_line_stays_readable(
    line: bytes, why: str, tmp_path: Path
) -> None:
    good = put_line(entry(KEY), START + 1)
    lines: list[AnyLine | bytes] = [*beginning(), good, line, put_line(entry(b"later"), START + 2)]
    path = written(tmp_path / "it", [packed(lines), packed(beginning([entry(KEY)], START + 9))])
    timeline = await RecordingTimeline.load(path)
    moment = await timeline.at_time(START + 5)
    opening = await timeline.open(moment)
    assert [one.step for one in opening.steps] == [
        StoreEvents((Put(entry(KEY)),)),
        StoreEvents((Lost(ANY),)),
    ]
    (lost,) = opening.steps[1].step.events  # type: ignore[union-attr]
    assert isinstance(lost, Lost)
    assert isinstance(lost.error, NotRecorded)
    assert why in timeline.recording.content(0).damage
    # And what was recorded after it is there again.
    assert len((await timeline.open(await timeline.last())).entries.entries) == 1


async def test_lines_of_later_releases_are_skipped(tmp_path: Path) -> None:
    put = put_line(entry(KEY), START + 1)
    more: list[AnyLine | bytes] = [
        b'{"kind":"later","at":[]}\n',
        put,
        b'{"kind":"alive","at":1900000002,"new":1}\n',
    ]
    timeline = await RecordingTimeline.load(
        written(tmp_path / "it", [packed([*beginning(), *more])])
    )
    assert (await timeline.last()).at == START + 2
    assert timeline.damage == ""


async def test_garbage_after_good_frames_is_said_and_not_read(tmp_path: Path) -> None:
    good = packed([*beginning(), AliveLine(at=START + 1)])
    timeline = await RecordingTimeline.load(written(tmp_path / "it", [good, b"garbage" * 99, good]))
    assert (await timeline.last()).at == START + 1
    assert timeline.damage == f"it is damaged at byte {len(good):,}, and what follows is not read"


async def test_a_frame_that_is_cut_off_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    put = put_line(entry(KEY), START + 1)
    half = b'{"kind":"put","key":"v1/inst'
    path = written(tmp_path / "it", [packed(beginning()), unfinished([*beginning(), put, half])])
    timeline = await RecordingTimeline.load(path)
    assert (await timeline.last()).at == START + 1
    assert timeline.damage == "it is cut off, or still being written"
    # Of the next one nothing at all is there yet.
    path = written(tmp_path / "it", [packed([*beginning(), put]), b"\x28\xb5\x2f"])
    assert (await (await RecordingTimeline.load(path)).last()).at == START + 1


async def test_changes_of_a_gap_count_once_all_of_them_are_there(tmp_path: Path) -> None:
    put = put_line(entry(KEY), START + 1)
    lines = [*beginning(), put, GapLine(at=START + 2, changes=2), put_line(entry(b"1"), START + 2)]
    timeline = await RecordingTimeline.load(written(tmp_path / "it", [unfinished(lines)]))
    assert (await timeline.last()).at == START + 1
    assert set(timeline.recording.content(0).final) == {KEY}


async def test_times_that_go_back_are_found_by_their_order(tmp_path: Path) -> None:
    puts = [put_line(entry(b"%d" % at), START + at) for at in (9, 3, 5)]
    timeline = await RecordingTimeline.load(
        written(tmp_path / "it", [packed([*beginning(), *puts])])
    )
    opening = await timeline.open(await timeline.at_time(START + 4))
    assert [one.moment.at for one in opening.steps] == [START + 9, START + 3]


BOMB = b"\0" * 50_000_000
LATER = b'{"kind":"later"}\n'
WIDE = LATER + b" " * 99_000
"""Of a line that is skipped, and blanks before the next."""
SMALL = Limits(frame=20_000_000, line=200_000, ratio_from=2_000_000, entries=1000, lines=1000)


@pytest.mark.parametrize(
    ("lines", "limits", "why"),
    [
        ([BOMB], SMALL, "a line is longer than 200,000 bytes"),
        ([*beginning(), BOMB], SMALL, "a line is longer than"),
        ([*beginning(), LATER * 100_000], SMALL, "a frame has more than 1,000 lines"),
        (
            [*beginning(), WIDE * 500],
            Limits(frame=20_000_000, ratio=10**9),
            "unpacks to more than 19 MiB",
        ),
        (
            [*beginning(), WIDE * 500],
            Limits(ratio=1000, ratio_from=2_000_000),
            "unpacks to more than 1,000 times its size",
        ),
    ],
)
def test_a_bomb_ends_with_one_sentence_and_little_memory(
    lines: list[AnyLine | bytes], limits: Limits, why: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "it", [packed(lines)])
    assert Path(path).stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(BadRecording, match=why):
            Recording(path, limits)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10_000_000


async def test_more_entries_than_can_be_are_not_kept(tmp_path: Path) -> None:
    puts = [put_line(entry(b"%d" % number), START + 1) for number in range(20)]
    path = written(tmp_path / "it", [packed([*beginning(), *puts])])
    recording = Recording(path, Limits(entries=10))
    assert recording.damage == "it is damaged: it has more than 10 entries"
    assert len(recording.content(0).final) == 10


async def test_gaps_do_not_multiply_what_is_kept(tmp_path: Path) -> None:
    gaps = [GapLine(at=START + 1, changes=0)] * 50
    there = [entry(b"%d" % number) for number in range(10)]
    path = written(tmp_path / "it", [packed([*beginning(there), *gaps])])
    recording = Recording(path, Limits(resynced=100))
    assert recording.damage == "it is damaged: it has more gaps than can be"
    assert len(recording.content(0).steps) == 10


def test_a_window_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    packer = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    path = tmp_path / "it"
    path.write_bytes(packer.compress(text_of(beginning())) + packer.flush())
    with pytest.raises(BadRecording, match="cannot be unpacked"):
        Recording(os.fspath(path))


def test_more_steps_than_can_be_are_not_kept(tmp_path: Path) -> None:
    lines = [*beginning(), *[AliveLine(at=START + 1)] * 20]
    recording = Recording(written(tmp_path / "it", [packed(lines)]), Limits(steps=10))
    assert recording.damage == "it is damaged: it has more than 10 steps in one frame"
    assert len(recording.content(0).steps) == 10


def run(folder: Path, name: str, at: float, *, address: str = "a", cut: bool = False) -> str:
    """Write a part of a recording that was begun at a time."""
    first = msgspec.structs.replace(header(at, at), address=address)
    key = b"%d" % (at - START)
    lines: list[AnyLine] = [
        first,
        Checkpoint(at=at, entries=1),
        entry_line(entry(key)),
        AliveLine(at=at + 5),
    ]
    return written(folder / name, [(unfinished if cut else packed)(lines)])


async def test_parts_of_one_recording_are_joined_and_the_time_between_is_not_known(
    tmp_path: Path,
) -> None:
    run(tmp_path, "it.2", START, cut=True)
    run(tmp_path, "it.1", START + 10)
    run(tmp_path, "it.3", START + 12, address="another")
    (tmp_path / "it.4").write_bytes(b"no recording")
    os.mkfifo(tmp_path / "it.5")
    os.symlink(tmp_path / "it.1", tmp_path / "it.6")
    run(tmp_path, "it.7x", START + 13)
    timeline = await RecordingTimeline.load(run(tmp_path, "it", START + 20))
    assert ((await timeline.first()).at, (await timeline.last()).at) == (START, START + 25)
    assert timeline.damage == ""
    for at, is_known in ((1, True), (7, False), (11, True), (18, False), (22, True)):
        opening = await timeline.open(await timeline.at_time(START + at))
        last = opening.steps[-1].step if opening.steps else None
        is_lost = isinstance(last, StoreEvents) and any(isinstance(e, Lost) for e in last.events)
        assert is_lost is not is_known
        (there,) = opening.entries.entries
        assert there.key == b"%d" % (at // 10 * 10)
    # One that was put away is read alone.
    alone = await RecordingTimeline.load(os.fspath(tmp_path / "it.1"))
    assert (await alone.first()).at == START + 10


async def test_steps_lead_over_the_time_between_two_runs(tmp_path: Path) -> None:
    run(tmp_path, "it.1", START)
    timeline = await RecordingTimeline.load(run(tmp_path, "it", START + 10))
    first, last = await timeline.first(), await timeline.last()
    steps = await timeline.between(first, last)
    assert steps is not None
    assert [one.moment.at for one in steps] == [START + 5, START + 5, START + 10, START + 15]
    assert await timeline.change_from(first, 1) == steps[2].moment
    assert await timeline.change_from(last, -1) == steps[2].moment
    assert await timeline.change_from(steps[2].moment, -1) == first
    assert await timeline.change_from(steps[2].moment, 1) == steps[2].moment


def test_many_small_frames_and_some_large_ones_are_found(tmp_path: Path) -> None:
    large = [put_line(entry(b"%d" % n, os.urandom(3000)), START + 1) for n in range(900)]
    frames = [packed(beginning([entry(b"%d" % n)], START + n)) for n in range(3000)]
    frames.insert(1500, packed([*beginning(), *large]))
    assert len(frames[1500]) > 2_000_000
    path = written(tmp_path / "it", frames)
    recording = Recording(path)
    assert len(recording.heads) == 3001
    assert [one.frame.size for one in recording.heads] == list(map(len, frames))
    with pytest.raises(BadRecording, match="too large to be one of dyntop"):
        Recording(path, Limits(packed_frame=1_500_000))
    with pytest.raises(BadRecording, match="more than 3,000 frames"):
        Recording(path, Limits(frames=3000))


async def test_a_file_that_was_cut_after_it_was_opened_does_not_end_in_order(
    tmp_path: Path,
) -> None:
    puts = [put_line(entry(b"%d" % n, os.urandom(3000)), START + n) for n in range(100)]
    frames = [packed([*beginning(), *puts]), packed(beginning(at=START + 200))]
    path = written(tmp_path / "it", frames)
    recording = Recording(path)
    os.truncate(path, len(frames[0]) // 2)
    content = recording.content(0)
    assert content.damage == "it is damaged: it cannot be unpacked"
    assert content.is_lost
    assert 0 < len(content.final) < 100
