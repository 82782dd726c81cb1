"""Host names to addresses, without ever holding up the event loop or the end of the program."""

from __future__ import annotations

import socket
import threading

from backends.threads import in_daemon_thread

MOST_AT_A_TIME = 16
"""Look-ups under way. More only wait for the same resolver, and each is a thread."""

_of_stores = threading.BoundedSemaphore(MOST_AT_A_TIME)
_of_persons = threading.BoundedSemaphore(MOST_AT_A_TIME)


class TooMany(OSError):
    """The name was not looked up, since so many others hang: nothing is known of it."""


async def resolve(host: str, port: int, *, given: bool = False) -> list[str]:
    """The IP addresses of a host name, best first.

    `given`: a person named it. Such names do not wait for those that came from a store. Raises
    `OSError` where it does not resolve, `TooMany` where it is not tried.

    The system's own resolver may hang for half a minute, so it runs in a daemon thread.
    """
    under_way = _of_persons if given else _of_stores
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
        # The only one: `look_up` raises none, so it did not run.
        under_way.release()
        raise OSError("no thread can be started to look up a name") from error
