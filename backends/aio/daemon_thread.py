"""Run blocking work in a daemon thread, which the end of the program does not wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(do: Callable[[], T], name: str) -> T:
    """Return what `do` returns, or raise what it raises.

    Unlike `asyncio.to_thread`, it takes no thread of the loop's pool: those are few, others need
    them, and the program's end waits for them. A cancelled caller leaves the thread running until
    it finishes or the program ends. Raises `RuntimeError` if no thread can be started.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def finish(found: T | None, error: Exception | None) -> None:
        if result.done():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(found)  # type: ignore[arg-type]  # T may be None itself

    def work() -> None:
        found, error = None, None
        try:
            found = do()
        except Exception as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed, so the result is not needed
            loop.call_soon_threadsafe(finish, found, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await result
