"""Host names to addresses, without ever holding up the event loop or the end of the program."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress


async def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host name, best first. Raises `OSError` where it does not resolve.

    The system's own resolver may hang for half a minute. It runs in a daemon thread: those of the
    loop's pool are few, are needed by others, and would be waited for at the end.
    """
    loop = asyncio.get_running_loop()
    resolved: asyncio.Future[list[str]] = loop.create_future()

    def tell(found: list[str] | OSError) -> None:
        if resolved.done():
            return
        if isinstance(found, OSError):
            resolved.set_exception(found)
        else:
            resolved.set_result(found)

    def look_up() -> None:
        found: list[str] | OSError
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except OSError as error:
            found = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, found)

    threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
    return await resolved
