"""An id of a file that outlives its inode number: file systems reuse the number of a removed file,
ext4 at once.
"""

from __future__ import annotations

import ctypes
import os
import struct

_AT_EMPTY_PATH = 0x1000
"""From <linux/fcntl.h>."""
_STATX_BTIME = 0x800
"""From <linux/stat.h>, as is the layout below: `stx_mask` first, `stx_btime` at byte 80."""
_STATX_BYTES = 256

_statx = getattr(ctypes.CDLL(None), "statx", None)
"""Linux with glibc 2.28 or musl 1.2.3. `os.stat` has the birth time only since Python 3.12, and not
on Linux.
"""


def file_id(descriptor: int, status: os.stat_result) -> str:
    """Return an id that no other file has, not even a later one with the same inode number. It has
    no `-`.

    Where the file system records no birth time, it is the inode number alone.
    """
    born = _born(descriptor, status)
    return f"{status.st_ino:x}" if born is None else f"{status.st_ino:x}.{born:x}"


def _born(descriptor: int, status: os.stat_result) -> int | None:
    """Return a file's birth time, in nanoseconds since 1970. None: not recorded."""
    if (birthtime := getattr(status, "st_birthtime", None)) is not None:  # macOS, BSD
        return int(birthtime * 1e9)
    if _statx is None:
        return None
    found = ctypes.create_string_buffer(_STATX_BYTES)
    if _statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME, found) != 0:
        return None
    (mask,) = struct.unpack_from("=I", found)
    seconds, nanoseconds = struct.unpack_from("=qI", found, 80)
    return seconds * 10**9 + nanoseconds if mask & _STATX_BTIME else None
