"""Names from a store as labels of Prometheus metrics."""

from __future__ import annotations

import sys

from tui.runtime.standard_streams import as_written
from tui.text.sanitize import clip_middle

LONGEST_LABEL = 240
"""Columns of a label, as of a table's cell; longer names lose their middle."""


def as_label(name: str) -> str:
    """Return a name as harmless text that the encoding of standard output has.

    Spelled out before the text is made: a `\\` that is written in place of a character afterwards
    would begin an escape that Prometheus does not know.
    """
    return as_written(clip_middle(name, LONGEST_LABEL), sys.stdout)
