#!/bin/sh
# Textual 8.2.8, Python 3.11, Linux. Seen 2026-12-01.
#
# A toast lies in a container, ToastHolder. When a toast's own timer ends it removes that container.
# When its notification is over first, it does not: App.clear_notifications, and a notification that
# expires in the moment before its toast's timer ends and in which another one comes, make
# ToastRack.show call Toast.remove. The container stays on the screen for as long as the screen does,
# empty and without height, with its message pump: an asyncio task each. The toasts are gone from the
# screen and from queries, so nothing shows it; an app that clears its notifications before each new
# one grows for weeks.
#
# Seen (10 notifications, each cleared once it was on screen, and 10 that ended by themselves):
#     cleared: 0 toasts, 10 containers, 10 tasks of containers
#     ended by themselves: 0 toasts, 0 containers more
#
# Ends with 0 while that is so, with 1 once it is not.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" --quiet install textual==8.2.8 rich==15.0.0
cat >"$dir/see.py" <<'PYTHON'
import asyncio
import sys

from textual.app import App
from textual.widgets._toast import Toast, ToastHolder

NUMBER = 10


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def main():
    app = App()
    async with app.run_test(notifications=True) as pilot:

        def toasts():
            return len(app.screen.query(Toast))

        def containers():
            return len(app.screen.query(ToastHolder))

        for number in range(NUMBER):
            app.notify(f"cleared {number}", timeout=600)
            await until(toasts)
            app.clear_notifications()
            await until(lambda: not toasts())
        await pilot.pause()
        left = containers()
        tasks = sum("ToastHolder" in task.get_name() for task in asyncio.all_tasks())
        print(f"cleared: {toasts()} toasts, {left} containers, {tasks} tasks of containers")
        for number in range(NUMBER):
            app.notify(f"ends {number}", timeout=0.3)
            await until(toasts)
            await until(lambda: not toasts())
        await pilot.pause()
        more = containers() - left
        print(f"ended by themselves: {toasts()} toasts, {more} containers more")
    return 0 if left == tasks == NUMBER and more == 0 else 1


sys.exit(asyncio.run(main()))
PYTHON
"$dir/venv/bin/python" "$dir/see.py"
