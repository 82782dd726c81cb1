"""The client library (nats-py 2.16), where it does not do as it is.

It ends the reading of a connection, and tells nobody, at a subject that is not UTF-8 and at headers
that cannot be parsed, and breaks off at a subject or a reply with a vertical tab or a form feed in
it; the server takes all of these from anybody. And it sends user and password in plain text to a
server that speaks no TLS, although TLS was asked for.
"""

from __future__ import annotations

import re
from types import FunctionType
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import SecureConnWantedError
from nats.protocol import parser

_TOKEN = rb"([^ \t\r\n]+)"
_GAP = rb"[ \t]+"
_BEGINS = _GAP + _TOKEN + _GAP + _TOKEN + _GAP + b"(" + _TOKEN + _GAP + b")?"
"""Subject, subscription, and a reply or none. As NATS's protocol has it: nothing but blanks and
tabs is between two fields."""


class _Parser(parser.Parser):
    """The library's own, with other patterns for what begins a message.

    It takes them from its module, where they count for every client in this process. So here it
    is the same code with a module of its own.
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
    """Reads what the server delivers, whatever it is. Bytes in a subject that are not UTF-8 come
    as lone surrogates (PEP 383)."""

    def __init__(self) -> None:
        super().__init__()
        self._ps = _Parser(self)

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
        is_wanted = self._current_server.uri.scheme == "tls" or "tls" in self.options
        if is_wanted and not self._server_info.get("tls_required"):
            raise SecureConnWantedError
        return super()._connect_command()
