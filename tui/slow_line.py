"""A terminal that takes less than is painted, as one over a slow line does.

Textual 8.2.8 hands what it paints to a thread that writes it, through a queue of 30 pieces. Once
that is full the whole program waits with it, and each key is answered only behind all that was
painted before. What waits there is private to it, and looked at here only.
"""

from __future__ import annotations

from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

PIECES_OF_A_FRAME = 3
"""What Textual writes for each paint: that a frame begins, the frame, that it ends."""


def pieces_waiting(driver: Driver | None) -> int:
    """How many pieces the terminal did not take yet, besides the one that is being written."""
    if not isinstance(driver, LinuxDriver) or driver._writer_thread is None:
        return 0
    return driver._writer_thread._queue.qsize()
