"""The detail shows every character of its lines, beside a scrollbar or without one."""

from __future__ import annotations

from textual.app import App, ComposeResult

from tui.text.detail import Detail
from tui.text.sanitize import width
from tui.widgets.detail_pane import DetailPane

ROOM = 30
WORDS = "nothing answers at its address " * 3


class Page(App[None]):
    def compose(self) -> ComposeResult:
        pane = DetailPane(id="detail")
        pane.styles.height = 6
        yield pane


def detail(fields: int) -> Detail:
    named = tuple((f"field {number}", WORDS) for number in range(fields))
    return Detail("worker", "", named, "")


async def test_no_end_of_a_line_lies_below_a_scrollbar_that_these_lines_brought() -> None:
    app = Page()
    async with app.run_test(size=(ROOM, 10)) as pilot:
        pane = app.query_one(DetailPane)
        for fields in (1, 9, 1, 2, 9):
            pane.show(detail(fields), same_record=False)
            await pilot.pause()
            assert max(width(str(line).rstrip()) for line in pane._lines) <= pane.line_width
            shown = " ".join(line.text for line in pane._lines)
            assert shown.split() == ["worker", *(WORDS * fields).split()]
            assert pane.show_vertical_scrollbar is (len(pane._lines) > pane.size.height)
