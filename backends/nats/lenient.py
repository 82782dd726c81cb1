"""What the client library (nats-py 2.16) does not stand: messages as no client of NATS writes them.

It ends the reading of a connection, and says nothing, at a subject that is not UTF-8 and at headers
that cannot be parsed. The server takes both from anybody.
"""

from __future__ import annotations

from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg


class LenientClient(Client):
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
