"""Host names to addresses, without ever holding up the event loop or the end of the program."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

MOST_AT_A_TIME = 16
"""Look-ups under way. More only wait for the same resolver, and each is a thread."""

_under_way = threading.BoundedSemaphore(MOST_AT_A_TIME)


async def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a host name, best first. Raises `OSError` where it does not resolve, or
    where so many others hang that it is not tried.

    The system's own resolver may hang for half a minute. It runs in a daemon thread: those of the
    loop's pool are few, are needed by others, and would be waited for at the end.
    """
    if not _under_way.acquire(blocking=False):
        raise OSError("too many names are being looked up")
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
        finally:
            _under_way.release()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, found)

    try:
        threading.Thread(target=look_up, name=f"resolve {host}", daemon=True).start()
    except RuntimeError as error:
        _under_way.release()
        raise OSError("no thread can be started to look up a name") from error
    return await resolved
