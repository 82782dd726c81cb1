"""Texts and bytes in a form that JSON can hold."""

from __future__ import annotations

import base64


def as_text(text: str) -> str:
    """A text that every JSON tool takes: lone surrogates, which none does, as `\\udcNN`."""
    return text.encode("utf-8", "backslashreplace").decode()


def text_of(content: bytes) -> str | None:
    """The bytes as text. None for what is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def base64_of(content: bytes) -> str | None:
    """The bytes in base64. None for what is UTF-8: `text_of` gives that."""
    return None if text_of(content) is not None else base64.b64encode(content).decode()


def bytes_of(text: str | None, in_base64: str | None) -> bytes:
    """The bytes of which `text_of` and `base64_of` gave these. Raises ValueError if it is neither,
    or not base64."""
    if text is not None:
        return text.encode("utf-8")
    if in_base64 is None:
        raise ValueError("neither as text nor as base64")
    return base64.b64decode(in_base64, validate=True)
