"""Write single settings into the settings file, and leave all else in it as it is.

tomlkit keeps comments, order and spelling. It is imported here alone, and this module only to
write.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from backends.removal.audit.disk import make_folder, sync_folder, write
from tui.config.settings_file import parse_settings
from tui.config.versions import CONTEXTS, NEWEST, VERSION

Place = tuple[str, ...]
"""A setting by its tables and its name."""
Value = str | int | bool | Sequence[str]

LOCK_ATTEMPTS = 50
LOCK_PAUSE = 0.1
"""Seconds between two attempts."""


class NotWritten(Exception):
    """The settings file cannot be written; the text is a sentence without its full stop."""


def write_settings(path: Path, changes: Mapping[Place, Value | None]) -> None:
    """Set these settings in a file, which may not exist yet. None removes one. Blocks.

    Two processes at once do not lose each other's settings. The file is replaced as a whole, with
    its mode and owner; of a symbolic link the file that it leads to. Raises `NotWritten`, also for
    a file in which something is wrong: it is never written.
    """
    try:
        make_folder(path.parent)
        with _lock(path.parent):
            target = Path(os.path.realpath(path))
            status = _status(target)
            before = b"" if status is None else target.read_bytes()
            _refuse_wrong(before, path)
            try:
                after = merged(before, changes)
            except NotWritten as error:
                raise NotWritten(f"{path} {error}") from None
            if after != before:
                _replace(target, after, status)
        return
    except OSError as error:
        reason = error.strerror or "input or output failed"
    raise NotWritten(f"{path} cannot be written ({reason})")


def merged(before: bytes, changes: Mapping[Place, Value | None]) -> bytes:
    """Return the content of a file with these changes. Raises `NotWritten` where that would change
    anything else."""
    text = before.decode()
    wanted = tomllib.loads(text)
    for place, value in changes.items():
        _set(wanted, place, list(value) if isinstance(value, tuple) else value)
    if not text:
        text, wanted = f"{VERSION} = {NEWEST}\n", {VERSION: NEWEST, **wanted}
    # Whatever it raises: what the file means then is looked at, and not how tomlkit came to it.
    with suppress(Exception):
        document = tomlkit.parse(text)
        for place, value in changes.items():
            _set_in(document, place, value)
        after = tomlkit.dumps(document)
        if "\r\n" in text and not re.search(r"(?<!\r)\n", text):
            after = re.sub(r"(?<!\r)\n", "\r\n", after)
        # A table that is empty means nothing.
        if _without_empty(tomllib.loads(after)) == _without_empty(wanted):
            return after.encode()
    raise NotWritten("is written in a way that dyntop cannot change")


def _set(tables: dict[str, Any], place: Place, value: Any) -> None:
    *above, name = place
    for one in above:
        tables = tables.setdefault(one, {})
    if value is None:
        tables.pop(name, None)
    else:
        tables[name] = value


def _set_in(document: tomlkit.TOMLDocument, place: Place, value: Value | None) -> None:
    *above, name = place
    tables: list[Any] = [document]
    for depth, one in enumerate(above):
        if one not in tables[-1]:
            if value is None:
                return
            # Of `[columns.workers]` only the last part has a line of its own.
            tables[-1][one] = tomlkit.table(is_super_table=depth < len(above) - 1)
        tables.append(tables[-1][one])
    if value is not None:
        tables[-1][name] = list(value) if isinstance(value, tuple) else value
        return
    # With the last setting of a table goes the table, but not a comment in it.
    for table, one in zip(reversed(tables), (name, *reversed(above)), strict=True):
        if one in table:
            del table[one]
        if table or not isinstance(table, Table) or "#" in table.as_string():
            return


def _without_empty(tables: dict[str, Any]) -> dict[str, Any]:
    found = {
        name: _without_empty(value) if isinstance(value, dict) else value
        for name, value in tables.items()
    }
    return {name: value for name, value in found.items() if value != {}}


def _refuse_wrong(content: bytes, path: Path) -> None:
    file = parse_settings(content, path)
    wrong = file.wrong
    if file.contexts:
        from tui.config.context_file import ContextTables, read_contexts

        _, more = read_contexts(ContextTables(path, file.contexts, f"{CONTEXTS}."))
        wrong = (*wrong, *more)
    if wrong:
        raise NotWritten(f"{wrong[0].setting}: {wrong[0].problem}")


def _status(target: Path) -> os.stat_result | None:
    """Return the status of a file that may be written. None: there is none yet."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")
    # To replace a file takes no right to write to it, and root needs none.
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    return status


def _replace(target: Path, content: bytes, status: os.stat_result | None) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        try:
            write(descriptor, content)
            like = target.parent.stat() if status is None else status
            if os.geteuid() == 0 and (like.st_uid, like.st_gid) != (0, 0):
                # Under sudo with the home of a user: it stays that user's.
                os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, 0o600 if status is None else stat.S_IMODE(status.st_mode))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    sync_folder(target.parent)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Exclude other dyntops in this context: by the folder, since the file is replaced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for attempt in range(LOCK_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if attempt == LOCK_ATTEMPTS - 1:
                    raise
                time.sleep(LOCK_PAUSE)
            except OSError:
                break  # a file system without locks of folders, such as NFS
        yield
    finally:
        os.close(descriptor)
