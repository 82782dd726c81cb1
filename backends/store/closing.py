"""A mixin for stores: closes the store at the end of its `async with`."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class ClosedAtExit:
    """Closes a store when its `async with` ends."""

    async def aclose(self) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
