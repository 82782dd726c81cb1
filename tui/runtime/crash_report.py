"""One file about an internal error, for a person to read and send.

It contains no secret and no values of variables. Of the store it contains only what is in an
error's text or in the last lines of the log, as plain text.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from backends.removal.audit.disk import AuditFailed, make_folder, opened, write
from backends.removal.audit.location import default_path
from tui import __version__
from tui.config.settings import Settings
from tui.runtime.logs import Logs, harmless, traceback_of

KEPT = 20
"""Reports kept: a script may meet the same fault repeatedly."""
LIBRARIES = ("textual", "rich", "pydantic", "grpcio", "protobuf", "nats-py", "pyzmq", "aiohttp")


def write_report(
    error: BaseException,
    settings: Settings | None,
    logs: Logs,
    environ: Mapping[str, str] = os.environ,
) -> Path | None:
    """Write the report beside the audit. Return its path. None: it could not be written."""
    now = datetime.now(UTC)
    text = "".join(f"{line}\n" for line in _report(error, settings, logs, environ, now))
    try:
        folder = default_path(environ).parent
        if not folder.is_absolute():
            return None  # this user has no home
        make_folder(folder)
        path = folder / f"crash-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
        with opened(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
            write(descriptor, text.encode("utf-8", "backslashreplace"))
        _forget_old(folder)
    except (OSError, AuditFailed):
        return None
    return path


def _report(
    error: BaseException,
    settings: Settings | None,
    logs: Logs,
    environ: Mapping[str, str],
    now: datetime,
) -> Iterator[str]:
    size = shutil.get_terminal_size()
    yield f"dyntop {__version__} internal error at {now.isoformat(timespec='seconds')}"
    yield f"Python {platform.python_version()} on {platform.platform()}"
    yield f"with {', '.join(f'{name} {one}' for name, one in versions_of_libraries())}"
    terminal = harmless(environ.get("TERM", ""), logs.mask)
    yield f"terminal {terminal or 'unknown'}, {size.columns}x{size.lines}"
    yield ""
    yield "settings:"
    for name in () if settings is None else settings.__struct_fields__:
        # A repr hides the secrets of settings.
        yield f"    {name} = {harmless(repr(getattr(settings, name)), logs.mask)}"
    yield ""
    yield f"error: {type(error).__name__}"
    yield from traceback_of(error, logs.mask)
    yield ""
    yield "the last lines of the log:"
    yield from logs.last


def versions_of_libraries() -> Iterator[tuple[str, str]]:
    """Yield the names of the libraries that matter most, each with its version."""
    for name in LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            yield name, metadata.version(name)


def _forget_old(folder: Path) -> None:
    for old in sorted(folder.glob("crash-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
