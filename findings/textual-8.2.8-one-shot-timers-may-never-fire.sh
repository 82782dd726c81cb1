#!/bin/sh
# Textual 8.2.8, Python 3.11, Linux. Seen 2026-11-30.
#
# A timer of set_timer may never fire, and nothing says so. Timer skips moments that have passed, one
# of set_timer too, though it has no other moment. So set_timer(0, f) never calls f: the task behind
# it ends with a ZeroDivisionError that is shown at most once the app has ended. And set_timer(0.01, f)
# does not call f if the process got no time for 10 ms between two lines of the timer (a busy machine,
# SIGSTOP). asyncio's call_later calls at once what is due or overdue.
#
# Seen:
#     asyncio call_later(0)                       called
#     set_timer(0)                                never called within 2 s
#     set_timer(0.01), not held up                called
#     set_timer(0.01), held up for 50 ms at first never called within 2 s
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
import time

from textual import _time
from textual.app import App

get_time = time.monotonic


def held_up_once():
    """The timer's clock. After its first look the process gets no time for 50 ms."""
    looks = 0

    def look():
        nonlocal looks
        looks += 1
        if looks == 2:
            time.sleep(0.05)
        return get_time()

    return look


async def called(start):
    """Return whether what `start` is given was called within 2 s."""
    app, off = App(), asyncio.Event()
    async with app.run_test():
        start(app, off.set)
        try:
            await asyncio.wait_for(off.wait(), 2)
        except TimeoutError:
            return False
        finally:
            _time.get_time = get_time
    return True


def set_held_up(app, call):
    _time.get_time = held_up_once()
    app.set_timer(0.01, call)


async def main():
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    tries = {
        "asyncio call_later(0)": lambda app, call: asyncio.get_running_loop().call_later(0, call),
        "set_timer(0)": lambda app, call: app.set_timer(0, call),
        "set_timer(0.01), not held up": lambda app, call: app.set_timer(0.01, call),
        "set_timer(0.01), held up for 50 ms at first": set_held_up,
    }
    seen = [await called(start) for start in tries.values()]
    for name, fired in zip(tries, seen):
        print(f"{name:<43}", "called" if fired else "never called within 2 s")
    return seen == [True, False, True, False]


sys.exit(0 if asyncio.run(main()) else 1)
PYTHON
"$dir/venv/bin/python" "$dir/see.py"
