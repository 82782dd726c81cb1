"""From settings to a discovery plane to look at, for the dashboard and the commands alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from backends.connect import open_store
from backends.discovery import Discovery
from tui.settings import Settings


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Discovery]:
    """The store that the settings name, for as long as the block; under `--demo` a living one.

    Raises `Misconfigured`.
    """
    if settings.demo:
        from backends.demo import Demo

        demo = Demo()
        life = asyncio.create_task(demo.run())
        try:
            yield Discovery(demo.store)
        finally:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life
        return
    store = open_store(settings.connection)
    try:
        yield Discovery(store)
    finally:
        await store.aclose()
