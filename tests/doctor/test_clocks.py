"""A clock's difference is never claimed to be known better than a date in whole seconds tells."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.doctor.clocks import date_of, difference
from backends.doctor.steps import ClockDifference

NOW = 1_790_000_000.0


@given(
    ahead=st.floats(-1e6, 1e6),
    on_the_way=st.floats(0, 5),
    back=st.floats(0, 5),
)
def test_the_true_difference_is_always_within_the_bounds(
    ahead: float, on_the_way: float, back: float
) -> None:
    date = formatdate(int(NOW + on_the_way + ahead), usegmt=True)
    found = difference(date, NOW, NOW + on_the_way + back, "a server")
    assert found is not None
    assert found.least - 1e-3 <= ahead <= found.most + 1e-3


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Foo 2026 00:00:00 GMT"])
def test_what_is_no_date_tells_nothing(date: str) -> None:
    assert difference(date, NOW, NOW, "a server") is None


@pytest.mark.parametrize(
    ("answer", "date"),
    [
        (b"HTTP/1.1 200 OK\r\ndate: Tue, 01 Dec 2026 03:00:00 GMT\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nDate: no header", False),
        (b"\x00\x01\xff", False),
        (b"x" * 100_000, False),
    ],
)
async def test_the_date_is_read_from_the_head_of_an_answer(answer: bytes, date: bool) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found, asked, answered = await date_of("127.0.0.1", port, "/", None)
    assert bool(found) is date
    assert asked <= answered
    assert isinstance(difference(found, asked, answered, "it"), ClockDifference) is date
