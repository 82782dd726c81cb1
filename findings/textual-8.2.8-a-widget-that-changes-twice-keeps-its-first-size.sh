#!/bin/sh
# Textual 8.2.8, Python 3.11, Linux. Seen 2026-12-01.
#
# A widget of automatic size that updates itself, waits for something in the same handler, and updates
# itself again with a longer text, is shown in the room of the first text for ever, if any other widget
# made the screen lay itself out meanwhile: of a result that comes after "wait" only the first four
# characters are there. refresh(layout=True) gives the widget a new number only if no layout is asked
# for already, which counts as done only once the handler has ended. By this number the size is kept
# that the layout in between found, and the layout at the end takes it from there. Nothing is said, and
# a later repaint does not help; the next change of the text does.
#
# Seen:
#     another widget stands still meanwhile: 12 cells, 'twelve cells'
#     another widget changes meanwhile:      4 cells, 'twel'
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install textual==8.2.8
cat >"$dir/see.py" <<'PYTHON'
import asyncio
import sys

from textual.app import App
from textual.containers import Horizontal
from textual.widgets import Static

RESULT = "twelve cells"


class Answer(Static):
    """Says that it waits, waits for something, and says what came."""

    async def ask(self, came):
        self.update("wait")
        await came.wait()
        self.update(RESULT)


class Asking(App):
    CSS = "Static { width: auto; }"

    def compose(self):
        with Horizontal():
            yield Answer(id="answer")
            yield Static(id="other")


async def seen(other_changes):
    """Return the width of the result, and what of it is on screen, long after it came."""
    app, came = Asking(), asyncio.Event()
    async with app.run_test() as pilot:
        answer, other = app.query_one("#answer"), app.query_one("#other")
        answer.call_later(answer.ask, came)
        await asyncio.sleep(1)
        if other_changes:
            other.update("|")
            await asyncio.sleep(1)
        came.set()
        await asyncio.sleep(1)
        answer.refresh()
        await pilot.pause()
        line = "".join(segment.text for segment in app.screen._compositor.render_strips()[0])
        return answer.size.width, line.split("|")[0].strip()


async def main():
    found = []
    for does in ("stands still", "changes"):
        found.append(await seen(does == "changes"))
        print(f"{f'another widget {does} meanwhile:':<38} {found[-1][0]} cells, {found[-1][1]!r}")
    return found == [(12, RESULT), (4, RESULT[:4])]


sys.exit(0 if asyncio.run(main()) else 1)
PYTHON
"$dir/venv/bin/python" "$dir/see.py"
