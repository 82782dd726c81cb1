"""Work for a thread that nobody has to wait for, at the end of the program neither."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(do: Callable[[], T], name: str) -> T:
    """What `do` gives, or raises. Who is cancelled leaves it running, and it ends with the program.

    Unlike `asyncio.to_thread`: the threads of the loop's pool are few, are needed by others, and
    are waited for at the end. Raises `RuntimeError` where no thread can be started.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def tell(found: T | None, error: Exception | None) -> None:
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
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, found, error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return await result
