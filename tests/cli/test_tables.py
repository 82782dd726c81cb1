"""Tables on standard output: nothing of a name is left out that anybody writes."""

from __future__ import annotations

import pytest

from tui.cli.tables import WIDEST_CELL, write_table


@pytest.mark.parametrize("length", [73, 128, WIDEST_CELL])
@pytest.mark.parametrize("place", [0, 1])
def test_a_name_is_printed_in_full(
    length: int, place: int, capsys: pytest.CaptureFixture[str]
) -> None:
    name = ("worker_kv_query_source_" * 20)[:length]
    row = ["live", "why"]
    row.insert(place, name)
    write_table(("A", "B", "C"), [row])
    assert name in capsys.readouterr().out.split()


def test_of_a_name_that_nobody_writes_both_ends_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_table(("NAME", "ID"), [("prod/" + "x" * 100_000 + "/generate", "1a")])
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("prod/xxx")
    assert line.endswith("xxx/generate  1a")
    assert len(line) < WIDEST_CELL + 10
