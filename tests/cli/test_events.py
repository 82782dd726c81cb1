"""`dyntop events`: what happened in a recording, and why."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from backends.recording.entry_lines import delete_line, put_line
from backends.recording.lines import AliveLine
from backends.store import Delete
from tests.cli.conftest import Here
from tests.docs.test_json import validate
from tests.recording.frames import START, beginning, entry, packed, written
from tests.recording.histories import COMES, DIES, DRAINED, ESCAPE, IN_GAP, STOPS, a_history
from tui.text.timestamps import utc_stamp


@pytest.fixture
def recording(tmp_path: Path) -> str:
    return a_history(tmp_path / "it")


def test_reasons_are_those_of_then(recording: str, here: Here) -> None:
    ended = here("events", recording, "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    why = {(one["worker"], one["event"]): one["why"] for one in ended.records}
    assert why[f"{DIES:x}", "removed"] == "lease ran out: not renewed for 30 s"
    assert str(why[f"{STOPS:x}", "removed"]).startswith("stopped in order: lease revoked with")
    assert why[f"{DRAINED:x}", "removed"] == (
        "drained by ada@there with dyntop, act 20261121-134501-3f2a"
    )
    assert str(why[f"{IN_GAP:x}", "removed"]).startswith("in a gap: lease ended")
    assert why[f"{COMES:x}", "added"] is None
    assert [one["event"] for one in ended.records if one["id"] is None] == [
        *("resynced", "lost", "resynced")
    ]
    ndjson = here("events", recording, "-o", "ndjson")
    assert [json.loads(line) for line in ndjson.lines] == ended.records
    assert yaml.safe_load(here("events", recording, "-o", "yaml").out) == ended.records


def test_a_cause_is_one_line_with_its_keys(recording: str, here: Here) -> None:
    ended = here("events", recording, "--causes", "-o", "json")
    kinds = {one["worker"]: one["cause"] for one in ended.records if one["worker"] is not None}
    assert kinds == {
        f"{COMES:x}": "started",
        f"{DIES:x}": "expired",
        f"{STOPS:x}": "stopped",
        f"{DRAINED:x}": "drained",
        f"{IN_GAP:x}": "ended",
        "1": "started",
    }
    (started,) = (one for one in ended.records if one["worker"] == f"{COMES:x}")
    assert len(started["keys"]) == 2
    assert "acme/tiny-llm" in started["sentence"]


def test_a_part_is_chosen_by_time_words_and_namespace(recording: str, here: Here) -> None:
    def times(*options: str) -> list[str]:
        return [one["time"] for one in here("events", recording, *options, "-o", "json").records]

    since = utc_stamp(START + 42, "seconds")
    until = utc_stamp(START + 52, "seconds")
    assert times("--since", since, "--until", until) == [
        utc_stamp(START + 45),
        utc_stamp(START + 50),
    ]
    assert times("--since", "40s") == [utc_stamp(START + at) for at in (60, 60, 60, 75)]
    assert times("--filter", "not renewed") == [utc_stamp(START + 30)] * 2
    assert times("--filter", f"kind:model removed {STOPS:x}") == [utc_stamp(START + 40.1)]
    # A time of day after the end is that after the other one.
    clock = [f"{datetime.fromtimestamp(START + at):%H:%M:%S}" for at in (42, 3600)]
    assert times("--since", clock[0], "--until", clock[1]) == times("--since", since)
    # What concerns the whole store is in every namespace.
    assert times("-n", "other") == [utc_stamp(START + at) for at in (0, 50, 60)]


def test_a_table_is_harmless_and_says_of_what_it_is(recording: str, here: Here) -> None:
    ended = here("events", recording)
    assert ended.code == 0
    assert ESCAPE not in ended.out.decode() + ended.err
    assert "a\\x1b[31m/b/c" in ended.out.decode()
    assert f"of {recording} (etcd http://etcd:2379): 13 events" in ended.err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--since", "soon"), "'soon' is no time: write 14:02"),
        (("--since", "10s", "--until", "20s"), "--until: "),
        (("--filter", "10m"), "--filter: it names a time: use --since"),
    ],
)
def test_what_cannot_be_chosen_is_one_sentence(
    options: tuple[str, ...], why: str, recording: str, here: Here
) -> None:
    ended = here("events", recording, *options)
    assert (ended.code, ended.out) == (2, b"")
    assert why in ended.one_sentence()


def test_a_part_that_begins_earlier_or_ends_later_is_said_to_be_what_was_recorded(
    recording: str, here: Here
) -> None:
    whole = here("events", recording)
    # Of `-1d` argparse alone makes an option.
    for options in (("--since", "-1d"), ("--since", "999999999d"), ("--until", "9999-12-31")):
        ended = here("events", recording, *options)
        assert (ended.code, ended.out, ended.err) == (0, whole.out, whole.err)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--since", "+2h"), "after 20"),
        (("--until", "2020-01-01"), "before 2020-01-01 00:00:00"),
        (("--since", "2020-01-01", "--until", "2020-01-02"), "from 2020-01-01 00:00:00 to 2020-"),
    ],
)
def test_that_nothing_was_recorded_then_is_said_and_not_that_nothing_happened(
    options: tuple[str, ...], part: str, recording: str, here: Here
) -> None:
    for more in ((), ("-o", "json"), ("--causes",)):
        ended = here("events", recording, *options, *more)
        assert ended.code == 0
        assert ended.out.split() in ([], [b"[", b"]"], [b"[]"])
        assert f"{recording}: nothing was recorded {part}" in ended.one_sentence()


@pytest.mark.parametrize("command", ["events", "record", "replay", "report"])
def test_a_file_without_a_name_is_a_word_that_is_missing(command: str, here: Here) -> None:
    ended = here(command, "")
    assert ended.code == 2
    assert "argument FILE: '' is no name of a file" in ended.one_sentence()


def test_what_is_cut_off_is_printed_up_to_there(recording: str, here: Here, tmp_path: Path) -> None:
    whole = Path(recording).read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-20])
    ended = here("events", str(tmp_path / "cut"), "-o", "json")
    assert ended.code == 0
    assert "is cut off, or still being written" in ended.one_sentence()
    assert len(ended.records) > 5
    ended = here("events", str(tmp_path / "none"))
    assert (ended.code, ended.out) == (2, b"")
    assert "there is no such file" in ended.one_sentence()


def a_report(path: Path) -> str:
    """Write changes without times, and a frame with one."""
    put, goes = entry(b"v1/instances/ns/comp/gen/1"), entry(b"v1/instances/ns/comp/gen/2")
    gone = delete_line(Delete(goes.key, "8"), None)
    past = [*beginning([goes], None, revision="6"), put_line(put, None, "7"), gone]
    now = beginning([put], START + 2, revision="8")
    return written(path, [packed(past), packed([*now, AliveLine(at=START + 3)])])


def test_changes_without_times_are_printed_as_before_they_were_read(
    here: Here, tmp_path: Path
) -> None:
    report = a_report(tmp_path / "it")
    ended = here("events", report, "-o", "json")
    validate(ended.records, "events.schema.json")
    assert [(one["event"], one["time"], one["revision"]) for one in ended.records] == [
        ("added", None, "7"),
        ("removed", None, "8"),
    ]
    causes = here("events", report, "--causes", "-o", "json")
    validate(causes.records, "events.schema.json")
    assert {one["time"] for one in causes.records} == {None}
    rows = here("events", report).lines[1:]
    assert {row[0] for row in rows} == {"<"}
    # Of no part is it known whether they belong to it.
    assert here("events", report, "--since", "1h", "-o", "json").records == []


def test_a_report_is_compared_from_its_start(here: Here, tmp_path: Path) -> None:
    report = a_report(tmp_path / "it")
    ended = here("diff", f"{report}@start", f"{report}@end", "-o", "json")
    assert [one["change"] for one in ended.records] == ["added", "removed"]
    early = here("diff", f"{report}@10s", f"{report}@end")
    assert early.code == 2
    assert "it is of " in early.one_sentence()
