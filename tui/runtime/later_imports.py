"""Import modules once the dashboard is on screen: it is there sooner without them.

When they are needed, this process may have no file left to open.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

_log = logging.getLogger(__name__)


async def import_later(names: Sequence[str]) -> None:
    """Import these modules in a thread, while keys are answered."""
    missing = [name for name in names if name not in sys.modules]
    if missing:
        await asyncio.to_thread(_import, missing)
        _log.debug("imported what keys open: %s", ", ".join(missing))


def _import(names: Sequence[str]) -> None:
    for name in names:
        try:
            import_module(name)
        except OSError as error:
            # The one that needs it tries again.
            _log.warning("%s cannot be imported: %s", name, error)
