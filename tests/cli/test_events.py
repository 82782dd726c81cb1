"""`dyntop events`: what happened in a recording, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Here
from tests.recording.frames import START
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
