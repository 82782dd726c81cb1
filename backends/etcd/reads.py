"""Read many ranges or keys at once.

Not in one transaction: etcd 3.5.1 ended in the course of one, and releases up to 3.5.6 may (issues
14110 and 14891 of etcd-io/etcd). Single reads at one revision return the same.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from backends.etcd import rpc
from backends.etcd.client import Client

AT_ONCE = 64
"""Requests sent before their answers are awaited."""


async def read_each(
    client: Client, requests: Sequence[rpc.RangeRequest]
) -> AsyncGenerator[rpc.RangeResponse, None]:
    """Yield the answers in the order of the requests, up to an error. Raises `StoreError`."""
    for start in range(0, len(requests), AT_ONCE):
        answers = client.call_all(rpc.RANGE, requests[start : start + AT_ONCE])
        async with aclosing(answers):
            async for answer in answers:
                yield answer


async def read_all(client: Client, requests: Sequence[rpc.RangeRequest]) -> list[rpc.RangeResponse]:
    """Return the answers in the order of the requests. Raises `StoreError`."""
    async with aclosing(read_each(client, requests)) as answers:
        return [answer async for answer in answers]
