"""A subclass of the client library (nats-py 2.16), with five faults mended.

The library stops reading a connection, without an error, at a subject that is not UTF-8 and at
headers that cannot be parsed. It fails at a subject or a reply with a vertical tab or a form feed.
The server accepts all of these from any client. And it sends user and password in plain text to a
server without TLS, although TLS was requested. `close` may return before the connection has ended.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from types import FunctionType
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import SecureConnWantedError
from nats.protocol import parser

LONGEST_END = 1.0
"""Seconds that an attempt to connect has to end."""

_TOKEN = rb"([^ \t\r\n]+)"
_GAP = rb"[ \t]+"
_BEGINS = _GAP + _TOKEN + _GAP + _TOKEN + _GAP + b"(" + _TOKEN + _GAP + b")?"
"""Subject, subscription, and a reply or none. By NATS's protocol only blanks and tabs separate two
fields.
"""


class _Parser(parser.Parser):
    """The library's parser, with other patterns for the beginning of a message.

    The library takes the patterns from its module, which all clients in this process share. So this
    class runs the same code with globals of its own.
    """

    parse = FunctionType(
        parser.Parser.parse.__code__,
        {
            **vars(parser),
            "MSG_RE": re.compile(rb"\AMSG" + _BEGINS + rb"(\d+)\r\n"),
            "HMSG_RE": re.compile(rb"\AHMSG" + _BEGINS + rb"(\d+)" + _GAP + rb"(\d+)\r\n"),
        },
        argdefs=parser.Parser.parse.__defaults__,
    )


class NatsClient(Client):
    """Reads every message that the server delivers. Bytes in a subject that are not UTF-8 become
    lone surrogates (PEP 383).
    """

    def __init__(self) -> None:
        super().__init__()
        self._ps = _Parser(self)

    @property
    def release(self) -> str:
        """The release of the server that it is connected to, as that tells it. Empty: unknown."""
        found = self._server_info.get("version")
        return found if isinstance(found, str) else ""

    async def close(self) -> None:
        """End the connection. The library returns at once if a task of its own, which met an error,
        is about to end it; with the event loop that task ends before it has. And it does not wait
        for a task that is connecting anew, which may have a connection by then. Cancelled, this
        leaves nothing open either.
        """
        reconnecting = self._reconnection_task
        try:
            await super().close()
            if reconnecting is not None and reconnecting is not asyncio.current_task():
                reconnecting.cancel()
                await asyncio.wait((reconnecting,), timeout=LONGEST_END)
        finally:
            if self._transport is not None:
                self._transport.close()  # type: ignore[no-untyped-call]
        if self._transport is not None:
            with suppress(OSError):  # it may have ended by one
                await self._transport.wait_closed()  # type: ignore[no-untyped-call]

    def _build_message(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: dict[str, str] | None
    ) -> Msg:
        return Msg(
            _client=self,
            subject=subject.decode("utf-8", "surrogateescape"),
            reply=reply.decode("utf-8", "surrogateescape"),
            data=bytes(data),
            headers=headers,
            _sid=sid,
        )

    async def _process_headers(self, headers: Any) -> dict[str, str] | None:
        try:
            return await super()._process_headers(headers)
        except (ValueError, IndexError):
            return None

    def _connect_command(self) -> bytes:
        assert self._current_server is not None
        # A client that accepts any certificate requires TLS only if the server does, as in Dynamo.
        context = self.options.get("tls")
        is_checked = context is not None and context.verify_mode != ssl.CERT_NONE
        is_wanted = self._current_server.uri.scheme == "tls" or is_checked
        if is_wanted and not self._server_info.get("tls_required"):
            raise SecureConnWantedError
        return super()._connect_command()
