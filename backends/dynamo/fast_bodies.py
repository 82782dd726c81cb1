"""Decode the bodies of values as Dynamo writes them: what most values need, at a tenth of the cost.

The fast path of `parse`. It decodes only what leaves no question: all fields known, each of its
right type. For any other value it returns None, and `parse` reads the value in full and words what
is wrong with it. So no record depends on which path made it; a property test holds both to one
result.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from backends.dynamo.card_split import split_body, split_sorted_body


class EndpointFields(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, gc=False
):
    """The body of an endpoint instance, from 0.7 on, in the order in which Dynamo writes it."""

    type: Literal["Endpoint"]
    component: str
    endpoint: str
    namespace: str
    instance_id: int
    transport: dict[str, str]
    device_type: str | None = None
    request_plane_codec: str | None = None


class ModelFields(
    msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, gc=False
):
    """A model's body without its card and what follows it."""

    type: Literal["Model"]
    namespace: str
    component: str
    endpoint: str
    instance_id: int
    model_suffix: str | msgspec.UnsetType = msgspec.UNSET


_endpoint = msgspec.json.Decoder(EndpointFields).decode
_model = msgspec.json.Decoder(ModelFields).decode


def endpoint_fields(value: bytes) -> EndpointFields | None:
    """Decode an endpoint instance's body. None: it is not as Dynamo writes it."""
    try:
        return _endpoint(value)
    except ValueError:
        return None


def model_fields(own: bytes) -> ModelFields | None:
    """Decode a worker's own part, from `halves`. None: it is not as Dynamo writes it."""
    try:
        return _model(own)
    except ValueError:
        return None


def is_plain(fields: EndpointFields | ModelFields, text: bytes) -> bool:
    """Return whether `text` is what any JSON encoder makes of the fields that it was decoded to:
    ASCII without DEL, no blanks, members in Dynamo's order, none twice.
    """
    return text.isascii() and b"\x7f" not in text and _encode(fields) == text


_encode = msgspec.json.Encoder().encode


def halves(value: bytes) -> tuple[bytes, bytes] | None:
    """Split a model's body into its worker's own part, and the part with the card, which many
    workers share. None: it must be parsed as a whole.
    """
    if (found := split_body(value)) is not None:
        return found
    if (found := split_sorted_body(value)) is not None:
        shared, own = found
        return own, shared
    return None
