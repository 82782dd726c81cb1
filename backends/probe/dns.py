"""Resolve host names without blocking the event loop or the end of the program."""

from __future__ import annotations

import socket
import threading

from backends.aio.daemon_thread import in_daemon_thread

MOST_AT_A_TIME = 16
"""Look-ups in flight. More would only wait for the same resolver, and each takes a thread."""

_from_stores = threading.BoundedSemaphore(MOST_AT_A_TIME)
_from_settings = threading.BoundedSemaphore(MOST_AT_A_TIME)


class TooMany(OSError):
    """Too many other look-ups hang, so the name was not looked up."""


async def resolve(host: str, port: int, *, given: bool = False) -> list[str]:
    """Return the IP addresses of a host name, best first.

    `given`: the name is from a setting. Such names do not wait for names from a store. Raises
    `OSError` if it does not resolve, `TooMany` if it was not tried.

    The system's resolver may hang for half a minute, so it runs in a daemon thread.
    """
    under_way = _from_settings if given else _from_stores
    if not under_way.acquire(blocking=False):
        raise TooMany("too many names are being looked up")

    def look_up() -> list[str]:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(info[4][0]) for info in infos))
        except UnicodeError as error:
            raise OSError("no host can have this name") from error
        finally:
            under_way.release()

    try:
        return await in_daemon_thread(look_up, f"resolve {host}")
    except RuntimeError as error:
        # No thread was started, so `look_up` did not run (it raises no RuntimeError).
        under_way.release()
        raise OSError("no thread can be started to look up a name") from error
