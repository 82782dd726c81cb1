"""The client library (nats-py 2.16), where it does not do as it is.

It ends the reading of a connection, and tells nobody, at a subject that is not UTF-8 and at headers
that cannot be parsed; the server takes both from anybody. And it sends user and password in plain
text to a server that speaks no TLS, although TLS was asked for.
"""

from __future__ import annotations

from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import SecureConnWantedError


class NatsClient(Client):
    """Reads what the server delivers, whatever it is. Bytes in a subject that are not UTF-8 come
    as lone surrogates (PEP 383)."""

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
