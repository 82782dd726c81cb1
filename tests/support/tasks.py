"""A fixture for folders whose tests open stores: import it in their conftest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    """After each test, whatever the stores started has ended."""
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=60)
    assert not [task for task in left if not task.done()]
