"""What is written is bounded, for this user alone, and readable however the writing ended."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.recording.entry_lines import put_line
from backends.recording.lines import AliveLine, AnyLine, Checkpoint, EndLine, Header, encode
from backends.recording.part_files import CannotRecord, PartFiles, RecordingBounds
from backends.recording.writer import RecordingWriter, Wanted
from tests.support.recordings import (
    STARTED,
    begun,
    entry,
    frame,
    lines_in,
    texts_in,
    wants,
    written,
)

MANY = 2_000
NO_BOUNDS = RecordingBounds()


class Recorded:
    """A writer, with what it said and the time by its clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = STARTED
        self.said: list[str] = []
        self.write: Callable[[int, memoryview], int] = os.write

    def writer(self, bounds: RecordingBounds = NO_BOUNDS, **more: float) -> RecordingWriter:
        files = PartFiles(
            self.path,
            bounds,
            clock=lambda: self.now,
            notify=self.said.append,
            write=lambda descriptor, text: self.write(descriptor, text),
        )
        return RecordingWriter(
            self.path,
            bounds,
            clock=lambda: self.now,
            notify=self.said.append,
            files=files,
            flush_interval=0.0,
            most_waiting=int(more.get("most_waiting", 8_000_000)),
        )

    def parts(self) -> list[str]:
        return sorted(one.name for one in self.path.parent.iterdir())


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "day.rec")


def puts(first: int, number: int) -> list[AnyLine]:
    """Lines that cannot be compressed by much."""
    return [put_line(entry(one, os.urandom(300)), STARTED) for one in range(first, first + number)]


async def test_lines_are_written_in_their_order_for_this_user_alone(recorded: Recorded) -> None:
    mask = os.umask(0o277)
    try:
        writer = recorded.writer()
        await begun(writer, frame(entries=[entry(1), entry(2)]))
    finally:
        os.umask(mask)
    lines = puts(3, 5)
    await written(writer, *lines)
    await writer.close(EndLine(at=STARTED, why="done"))

    found = lines_in(recorded.path)
    assert isinstance(found[0], Header)
    assert found[1] == Checkpoint(at=STARTED, entries=2)
    assert found[4:] == [*lines, EndLine(at=STARTED, why="done")]
    assert stat.S_IMODE(recorded.path.stat().st_mode) == 0o600
    assert recorded.parts() == ["day.rec"]


async def test_what_was_written_is_readable_while_the_frame_is_open(recorded: Recorded) -> None:
    writer = recorded.writer()
    await begun(writer, frame())
    for number in range(5):
        await written(writer, AliveLine(at=STARTED + number))
        assert lines_in(recorded.path)[-1] == AliveLine(at=STARTED + number)
    await writer.close()


async def test_a_frame_is_wanted_once_changes_outweigh_the_checkpoint(recorded: Recorded) -> None:
    writer = recorded.writer()
    await begun(writer, frame(entries=[entry(1)]))
    await written(writer, *puts(2, MANY))
    assert wants(writer) is Wanted.NOTHING
    await written(writer, *puts(2, MANY))
    assert wants(writer) is Wanted.FRAME

    writer.begin(frame(STARTED + 9, entries=[entry(1), entry(2)]))
    assert wants(writer) is Wanted.NOTHING, "it is asked for once"
    await written(writer, AliveLine(at=STARTED + 10))
    await writer.close()

    assert recorded.parts() == ["day.rec"]
    assert [one.at for one in lines_in(recorded.path) if isinstance(one, Header)] == [
        STARTED,
        STARTED + 9,
    ]


async def test_an_earlier_recording_is_put_away_and_never_replaced(recorded: Recorded) -> None:
    for number in range(3):
        writer = recorded.writer()
        await begun(writer, frame(STARTED + number, started=STARTED + number))
        await writer.close()

    assert recorded.parts() == ["day.rec", "day.rec.1", "day.rec.2"]
    heads = [lines_in(recorded.path.with_name(name))[0] for name in recorded.parts()]
    assert [one.at for one in heads if isinstance(one, Header)] == [
        STARTED + 2,
        STARTED + 1,
        STARTED,
    ]


@pytest.mark.parametrize("name", ["day.rec", "day.rec.1"])
async def test_a_file_that_is_no_recording_is_left_alone(recorded: Recorded, name: str) -> None:
    if name != "day.rec":
        writer = recorded.writer()
        await begun(writer, frame())
        await writer.close()
    foreign = recorded.path.with_name(name)
    foreign.write_text("a diary")

    with pytest.raises(CannotRecord, match="not a recording"):
        await recorded.writer().check()
    writer = recorded.writer()
    await begun(writer, frame())
    with pytest.raises(CannotRecord, match="not a recording"):
        await writer.close()
    assert foreign.read_text() == "a diary"


async def test_a_symbolic_link_is_not_followed(recorded: Recorded) -> None:
    target = recorded.path.with_name("elsewhere")
    recorded.path.symlink_to(target)

    with pytest.raises(CannotRecord, match="symbolic link"):
        await recorded.writer().check()
    assert not target.exists()


async def test_a_pipe_and_a_missing_folder_are_named(recorded: Recorded) -> None:
    os.mkfifo(recorded.path)
    with pytest.raises(CannotRecord, match="not a regular file"):
        await recorded.writer().check()
    recorded.path = recorded.path.parent / "nowhere" / "day.rec"
    with pytest.raises(CannotRecord, match="no such folder"):
        await recorded.writer().check()


@pytest.mark.parametrize("path", ["", ".", "..", "/"])
async def test_a_path_that_names_no_file_is_refused(recorded: Recorded, path: str) -> None:
    recorded.path = Path(path)
    with pytest.raises(CannotRecord, match=r"no name of a file|not a regular file"):
        await recorded.writer().check()


async def test_a_name_that_is_too_long_is_refused_before_anything_is_read(
    recorded: Recorded,
) -> None:
    recorded.path = recorded.path.with_name("a" * 300)
    with pytest.raises(CannotRecord, match="file name too long"):
        await recorded.writer().check()


async def test_a_file_that_is_being_written_is_not_put_away(recorded: Recorded) -> None:
    first = recorded.writer()
    await begun(first, frame())

    with pytest.raises(CannotRecord, match="another dyntop records into it"):
        await recorded.writer().check()
    await first.close()
    await recorded.writer().check()


async def record_long(recorded: Recorded, writer: RecordingWriter, rounds: int) -> None:
    """Write some 75 KB a round, an hour each, with a frame or file whenever one is wanted."""
    for number in range(rounds):
        recorded.now = STARTED + 3600 * number
        if writer.wanted is not Wanted.NOTHING:
            await begun(writer, frame(recorded.now, entries=[entry(1)]))
        await written(writer, *puts(250 * number, 250), AliveLine(at=recorded.now))
    await writer.close()


async def test_all_files_together_stay_within_the_largest_size(recorded: Recorded) -> None:
    largest = 1_000_000
    (recorded.path.parent / "day.rec.77").write_text("not mine")
    sizes = []

    def write(descriptor: int, text: memoryview) -> int:
        done = os.write(descriptor, text)
        there = recorded.path.parent.glob("day.rec*")
        sizes.append(sum(one.stat().st_size for one in there) - len("not mine"))
        return done

    recorded.write = write
    await record_long(recorded, recorded.writer(RecordingBounds(max_size=largest)), 40)

    assert max(sizes) <= largest
    assert max(sizes) > largest * 0.7, "as much as fits is kept"
    assert (recorded.path.parent / "day.rec.77").read_text() == "not mine"
    ats = alive_in(recorded)
    assert ats == [STARTED + 3600 * number for number in range(40 - len(ats), 40)], "the newest"


def alive_in(recorded: Recorded) -> list[float]:
    """Return the times of the lines of all parts, the oldest part first."""
    found = []
    for name in recorded.parts():
        number = name.removeprefix("day.rec").removeprefix(".")
        if recorded.path.with_name(name).read_bytes() != b"not mine":
            found.append((-int(number or 0), recorded.path.with_name(name)))
    lines = [line for _, path in sorted(found) for line in lines_in(path)]
    return [line.at for line in lines if isinstance(line, AliveLine)]


async def test_files_older_than_the_largest_age_go(recorded: Recorded) -> None:
    day = RecordingBounds(max_age=24 * 3600)
    writer = recorded.writer(day)
    await record_long(recorded, writer, 60)

    ats = alive_in(recorded)
    assert ats[-1] == STARTED + 59 * 3600
    assert ats == [STARTED + 3600 * number for number in range(60 - len(ats), 60)]
    assert 24 <= len(ats) <= 24 + 6, "the last day, and at most a part more"


async def test_a_checkpoint_that_cannot_fit_is_said(recorded: Recorded) -> None:
    writer = recorded.writer(RecordingBounds(max_size=10_000))
    await begun(writer, frame(entries=[entry(1, os.urandom(9_000))]))

    with pytest.raises(CannotRecord, match="too small"):
        await writer.close()
    assert recorded.parts() == []


class FullDisk:
    """A disk with room for so many bytes."""

    def __init__(self, folder: Path, room: int, code: int = errno.ENOSPC) -> None:
        self._folder = folder
        self._room = room
        self._code = code

    def write(self, descriptor: int, text: memoryview) -> int:
        used = sum(one.stat().st_size for one in self._folder.iterdir())
        room = min(self._room - used, len(text))
        if room <= 0:
            raise OSError(self._code, os.strerror(self._code))
        # As a real one: as much as there is room for.
        return os.write(descriptor, text[:room])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_drops_the_oldest_part_if_a_bound_allows_it(
    recorded: Recorded, code: int
) -> None:
    recorded.write = FullDisk(recorded.path.parent, 600_000, code).write
    await record_long(recorded, recorded.writer(RecordingBounds(max_age=24 * 3600)), 40)

    ats = alive_in(recorded)
    assert ats == [STARTED + 3600 * number for number in range(40 - len(ats), 40)]
    assert len(ats) >= 4
    assert all("the disk is full: the oldest part" in one for one in recorded.said)
    assert recorded.said


async def test_a_full_disk_ends_it_else_and_what_was_written_stays(recorded: Recorded) -> None:
    recorded.write = FullDisk(recorded.path.parent, 200_000).write
    writer = recorded.writer()
    await begun(writer, frame())
    done = 0
    while writer.failure is None:
        await written(writer, *puts(done, 50), AliveLine(at=STARTED + done))
        done += 50

    with pytest.raises(CannotRecord, match="the disk is full"):
        await writer.room()
    with pytest.raises(CannotRecord, match="the disk is full"):
        await writer.close(EndLine(at=STARTED, why=""))
    assert (await writer.until_failed()).path == recorded.path
    # All but the last, which did not fit.
    assert [one.at for one in lines_in(recorded.path) if isinstance(one, AliveLine)] == [
        STARTED + number for number in range(0, done - 50, 50)
    ]


async def test_half_of_a_checkpoint_that_found_no_room_is_cut_off(recorded: Recorded) -> None:
    recorded.write = FullDisk(recorded.path.parent, 400_000).write
    writer = recorded.writer()
    await begun(writer, frame())
    await written(writer, *puts(0, 300))
    before = texts_in(recorded.path.read_bytes())
    await begun(writer, frame(entries=[entry(one, os.urandom(500)) for one in range(MANY)]))

    with pytest.raises(CannotRecord):
        await writer.close()
    assert texts_in(recorded.path.read_bytes()) == before
    assert recorded.parts() == ["day.rec"]


async def test_a_file_that_was_moved_away_is_begun_anew(recorded: Recorded) -> None:
    writer = recorded.writer()
    await begun(writer, frame())
    recorded.path.rename(recorded.path.with_name("elsewhere"))
    await written(writer, AliveLine(at=STARTED))
    assert wants(writer) is Wanted.PART
    await begun(writer, frame(STARTED + 1))
    await writer.close()

    assert recorded.parts() == ["day.rec", "elsewhere"]
    assert lines_in(recorded.path.with_name("elsewhere"))[-1] == AliveLine(at=STARTED)
    assert "was moved or removed" in recorded.said[0]


async def test_of_two_that_want_one_name_after_a_move_the_second_ends(recorded: Recorded) -> None:
    """Else each would put the file of the other away, again and again, until all is dropped."""
    moved, other = recorded.writer(), recorded.writer()
    await begun(moved, frame())
    recorded.path.rename(recorded.path.with_name("elsewhere"))
    await begun(other, frame())

    await written(moved, AliveLine(at=STARTED))
    assert wants(moved) is Wanted.PART
    await begun(moved, frame(STARTED + 1))
    with pytest.raises(CannotRecord, match="another dyntop records into it"):
        await moved.close()
    await written(other, AliveLine(at=STARTED + 2))
    assert wants(other) is not Wanted.PART
    await other.close()

    assert recorded.parts() == ["day.rec", "elsewhere"]
    assert lines_in(recorded.path.with_name("elsewhere"))[-1] == AliveLine(at=STARTED)
    assert lines_in(recorded.path)[-1] == AliveLine(at=STARTED + 2)


async def test_a_part_that_another_process_writes_is_not_dropped(recorded: Recorded) -> None:
    own = recorded.path
    recorded.path = part = own.with_name("day.rec.1")
    other = recorded.writer()
    await begun(other, frame())
    await written(other, AliveLine(at=STARTED))
    os.utime(part, (STARTED, STARTED))

    recorded.path, recorded.now = own, STARTED + 3_600.0
    writer = recorded.writer(RecordingBounds(max_age=60.0))
    await begun(writer, frame(recorded.now))
    await writer.close()
    assert recorded.parts() == ["day.rec", "day.rec.1"]
    await other.close()


async def test_what_a_killed_process_began_is_taken_away(recorded: Recorded) -> None:
    left = recorded.path.with_name("day.rec.new")
    left.write_bytes(b"\x28\xb5\x2f\xfd and half a header")
    writer = recorded.writer()
    await begun(writer, frame())
    await writer.close()

    assert recorded.parts() == ["day.rec"]


async def test_a_disk_that_hangs_fills_a_bounded_queue(recorded: Recorded) -> None:
    goes_on = threading.Event()

    def write(descriptor: int, text: memoryview) -> int:
        goes_on.wait()
        return os.write(descriptor, text)

    writer = recorded.writer(most_waiting=10_000)
    await begun(writer, frame())
    recorded.write = write
    lines = puts(0, 100)
    for line in lines:
        writer.put(line)
    assert not writer.has_room
    goes_on.set()
    await writer.room()
    await writer.close()

    assert lines_in(recorded.path)[2:] == lines


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[bytes], list[int]]:
    """A file of two frames, its lines, and how many bytes it had after each flush of them."""
    path = tmp_path_factory.mktemp("killed") / "day.rec"
    sizes = []

    async def record() -> None:
        writer = Recorded(path).writer()
        for number in range(2):
            await begun(writer, frame(STARTED + number, [entry(one) for one in range(50)]))
            for more in range(20):
                await written(writer, *puts(more, 3), AliveLine(at=STARTED + number))
                sizes.append(writer.files.size)
        await writer.close()

    asyncio.run(record())
    packed = path.read_bytes()
    return packed, texts_in(packed), sizes


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_killed_at_any_byte_all_that_was_flushed_before_is_read(
    example: tuple[bytes, list[bytes], list[int]], data: st.DataObject
) -> None:
    packed, lines, sizes = example
    killed_at = data.draw(st.integers(0, len(packed)))

    found = texts_in(packed[:killed_at])

    flushed = sum(size <= killed_at for size in sizes)
    # A header, a checkpoint and its entries begin a frame; each flush has four lines.
    least = 0 if not flushed else 4 * flushed + 52 * (1 if flushed <= 20 else 2)
    assert found == lines[: len(found)]
    assert len(found) >= least


def test_the_example_is_what_it_is_taken_for(
    example: tuple[bytes, list[bytes], list[int]],
) -> None:
    packed, lines, sizes = example
    assert len(lines) == 2 * (52 + 20 * 4)
    assert sizes == sorted(sizes)
    assert encode(AliveLine(at=STARTED + 1))[:-1] == lines[-1]
    assert len(packed) > sizes[-1]
