"""`dyntop diff FILE@TIME FILE@TIME|live`: two times of recordings, or one and the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CARD, CARD_BODY, INSTANCE, Here
from tests.docs.test_json import validate
from tests.recording.frames import START, beginning, entry, packed, written
from tests.recording.histories import COMES, DIES, DRAINED, ESCAPE, IN_GAP, STOPS, a_history
from tui.text.timestamps import utc_stamp


@pytest.fixture
def recording(tmp_path: Path) -> str:
    return a_history(tmp_path / "it@x")


def test_two_times_differ_by_what_came_and_went(recording: str, here: Here) -> None:
    ended = here("diff", f"{recording}@start", f"{recording}@end", "-o", "json")
    assert (ended.code, ended.err) == (1, "")
    validate(ended.records, "diff.schema.json")
    found = {
        ((one["record"] or one["previous"])["instance_id"], one["change"]) for one in ended.records
    }
    gone = {(f"{worker:x}", "removed") for worker in (DIES, STOPS, DRAINED, IN_GAP)}
    assert found == gone | {(f"{COMES:x}", "added"), ("1", "added")}
    back = here("diff", f"{recording}@end", f"{recording}@start", "-o", "json")
    assert len(back.records) == len(ended.records)
    at = utc_stamp(START + 33, "seconds")
    between = here("diff", "models", f"{recording}@start", f"{recording}@{at}", "-o", "json")
    assert [one["change"] for one in between.records] == ["removed", "added"]
    same = here("diff", f"{recording}@1s", f"{recording}@end")
    assert (same.code, same.out) == (0, b"")
    assert "nothing changed" in same.one_sentence()


def test_every_change_between_two_times_is_printed_in_order(recording: str, here: Here) -> None:
    both = (f"{recording}@start", f"{recording}@end")
    ended = here("diff", "endpoints", *both, "--events", "-o", "json")
    assert ended.code == 1
    validate(ended.records, "diff.schema.json")
    workers = [(one["record"] or one["previous"])["instance_id"] for one in ended.records]
    wanted = [COMES, DIES, STOPS, DRAINED, IN_GAP, 1]
    assert workers == [f"{worker:x}" for worker in wanted]
    assert [one["revision"] for one in ended.records] == [2, 3, 4, 6, 9, 10]
    table = here("diff", *both, "--events")
    assert ESCAPE not in table.out.decode()
    assert "3 added, 7 removed" in table.err


def test_a_recording_is_compared_with_the_store(
    recording: str, here: Here, folder: Path, tmp_path: Path
) -> None:
    was = written(tmp_path / "was", [packed(beginning([entry(CARD, CARD_BODY)]))])
    live = ("live", "--backend", "file", "--file-store", str(folder))
    ended = here("diff", f"{was}@end", *live, "-o", "ndjson")
    assert ended.code == 1
    (line,) = ended.lines
    found = json.loads(line)
    assert (found["change"], found["record"]["key"]) == ("added", INSTANCE.decode())
    assert here("diff", "models", f"{was}@end", *live).code == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("FILE@start",), "name two times to compare"),
        (("FILE@start", "FILE@end", "live"), "name two times"),
        (("live", "FILE@end"), "'live' is none of endpoints"),
        (("endpoint", "FILE@end", "live"), "did you mean endpoints?"),
        (("FILE@soon", "live"), "'soon' is no time: write 14:02"),
        (("none@start", "none@end"), "there is no such file"),
        (("FILE@1h", "FILE@end"), "it is of "),
        (("FILE@45s", "FILE@end"), "the store was not followed from "),
        (("FILE@start", "live", "--events"), "--events: "),
        (("FILE@end", "FILE@start", "--events"), "--events: "),
        ((), "--from: name the earlier revision"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(
    words: tuple[str, ...], why: str, recording: str, here: Here
) -> None:
    ended = here("diff", *(word.replace("FILE", recording) for word in words))
    assert (ended.code, ended.out) == (2, b"")
    assert why in ended.one_sentence()
