"""The encoding of output to the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper


@contextmanager
def drawing_in_utf8() -> Iterator[None]:
    """Write UTF-8 to the terminal within this context, whatever the locale.

    Textual 8.2.8 writes to `sys.__stderr__`, in the encoding that Python took from the locale. If
    that is not UTF-8, as ssh passes it on from an old desktop, each line and dot would become an
    escape such as `\\u25cf`. Today's terminals all read UTF-8.
    """
    terminal = sys.__stderr__
    if not isinstance(terminal, TextIOWrapper):
        yield
        return
    encoding, errors = terminal.encoding, terminal.errors
    terminal.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        yield
    finally:
        terminal.reconfigure(encoding=encoding, errors=errors)
