"""The probe targets of a record.

Any client of the store may have written an address. A malformed one makes no target, and never an
exception. One record makes few targets, so that it cannot make dyntop scan a network.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from backends.dynamo.records import AnyRecord, EndpointInstance, EventChannel, ModelCard
from backends.probe.addresses import Address, parse_address, why_unusable
from backends.probe.types import ProbeMethod, ProbeTarget

MOST_BROKERS = 4
"""Addresses of one channel that are probed. Dynamo's own brokers have one or two."""

DEFAULT_PORTS = {"http": 80, "https": 443}

_SUBJECT = re.compile(r"[!-~]{1,1024}")
"""A NATS subject, as Dynamo's slugs make it: printable ASCII without spaces."""

# A worker that serves its model's files itself writes their URLs into its card, as values
# (`DYN_SELF_HOST_METADATA`, seen in 1.6.1 under `model_info`, `tokenizer`, `prompt_formatter` and
# `gen_config`). Searched in the bytes, since a card may be large and is read often.
_SYSTEM_SERVER = re.compile(rb'"http://([^/"\\\s]{3,262})/v1/metadata/')


_OCTET = r"(?:1\d?\d?|2[0-4]\d|25[0-5]|[2-9]\d?|0)"
_USUAL = re.compile(
    rf"(?:1\d?\d?|2[01]\d|22[0-3]|[2-9]\d?)\.{_OCTET}\.{_OCTET}\.{_OCTET}"
    r":(?:[1-5]\d{0,4}|[6-9]\d{0,3})(?:/|\Z)",
    re.ASCII,
)
"""IPv4 addresses and ports that clients can connect to: not all of them, but nearly all."""


def targets_of(record: AnyRecord) -> tuple[ProbeTarget, ...]:
    """Return a record's targets: usually one, or none. Never raises."""
    match record:
        case EndpointInstance():
            return _of_instance(record)
        case EventChannel():
            return _of_channel(record)
        case ModelCard():
            return _of_card(record)
        case _:
            return ()


def unusable(record: AnyRecord) -> tuple[tuple[str, str], ...]:
    """Return the addresses of a record that no client can connect to, each with the reason.

    Pairs of the text in the record and a clause that follows it. Never raises. `ipc://` and the
    like, which have no network address, are left out.
    """
    if record.transport is None or record.transport.address is None:
        return ()
    text = record.transport.address
    match record, record.transport.kind:
        case EndpointInstance(), "tcp":
            host = text.partition("/")[0]
            named = [(host, why_unusable(host))]
        case EndpointInstance(), "http":
            named = [(text, _why_no_url(text))]
        case EndpointInstance(), "nats_tcp":
            named = [(text, None if _is_subject(text) else "is no subject that NATS carries")]
        case EventChannel(), "Zmq" | "ZmqBroker":
            endpoints = _endpoints(record.transport.kind, text)
            named = [(endpoint, _why_no_endpoint(endpoint)) for endpoint in endpoints]
        case _:
            return ()
    return tuple((shown, why) for shown, why in named if why is not None)


def is_usable(instance: EndpointInstance) -> bool:
    """Return whether `unusable` finds nothing in an instance. Most take a fraction of its time."""
    transport = instance.transport
    if transport is None or transport.address is None:
        return True
    if transport.kind == "tcp" and _USUAL.match(transport.address):
        return True
    return not unusable(instance)


def address_of(target: ProbeTarget) -> Address | None:
    """Return a target's address. None: NATS, whose server is not in the record."""
    return parse_address(target.address.removeprefix("http://"))


def is_loopback(target: ProbeTarget) -> bool:
    """Return whether its address means this machine, whichever machine wrote it."""
    address = None if target.method is ProbeMethod.NATS else address_of(target)
    return address is not None and address.is_loopback


def _of_instance(record: EndpointInstance) -> tuple[ProbeTarget, ...]:
    if record.transport is None or record.transport.address is None:
        return ()
    text = record.transport.address
    match record.transport.kind:
        case "tcp":
            return _at(ProbeMethod.TCP, parse_address(text.partition("/")[0]))
        case "http":
            return _at(ProbeMethod.HTTP, _address_of_url(text))
        case "nats_tcp" if _is_subject(text):
            return (ProbeTarget(ProbeMethod.NATS, text),)
        case _:
            return ()


def _of_channel(record: EventChannel) -> tuple[ProbeTarget, ...]:
    if record.transport is None or record.transport.address is None:
        return ()
    found = [
        target
        for endpoint in _endpoints(record.transport.kind, record.transport.address)
        # ipc:// and inproc:// have no network address.
        if endpoint.startswith("tcp://")
        for target in _at(ProbeMethod.ZMTP, parse_address(endpoint.removeprefix("tcp://")))
    ]
    return tuple(dict.fromkeys(found))


def _endpoints(kind: str, text: str) -> list[str]:
    """Return the ZMQ endpoints in a channel's transport."""
    match kind:
        case "Zmq":
            return [text]
        case "ZmqBroker":
            return text.split(", ", MOST_BROKERS)[:MOST_BROKERS]
        case _:
            return []


def _of_card(record: ModelCard) -> tuple[ProbeTarget, ...]:
    found = _SYSTEM_SERVER.search(record.entry.value)
    address = parse_address(found[1].decode("ascii", "replace")) if found else None
    return () if address is None else (ProbeTarget(ProbeMethod.HEALTH, f"http://{address}"),)


def _at(method: ProbeMethod, address: Address | None) -> tuple[ProbeTarget, ...]:
    return () if address is None else (ProbeTarget(method, str(address)),)


def _is_subject(text: str) -> bool:
    return _SUBJECT.fullmatch(text) is not None and not set(text) & set("*>")


def _why_no_url(text: str) -> str | None:
    """Return why no client can connect to a URL, as a clause. None: clients can."""
    if _address_of_url(text) is not None:
        return None
    if (why := why_unusable(_authority(text))) is not None:
        return why
    return "does not begin with http:// or https://"


def _why_no_endpoint(endpoint: str) -> str | None:
    """Return why no subscriber can connect to a ZMQ endpoint, as a clause. None: they can, or it
    has no network address.
    """
    if "://" in endpoint and not endpoint.startswith("tcp://"):
        return None
    if (why := why_unusable(endpoint.removeprefix("tcp://"))) is not None:
        return why
    return None if endpoint.startswith("tcp://") else "does not begin with tcp://"


def _authority(text: str) -> str:
    """Return the host and port of a URL as written, with the scheme's port if it has none."""
    scheme, separator, rest = text.partition("://")
    host = re.split(r"[/?#]", rest if separator else text, maxsplit=1)[0]
    port = DEFAULT_PORTS.get(scheme.lower()) if separator else None
    return host if port is None or re.search(r"(^|[^:]):[0-9]*$", host) else f"{host}:{port}"


def _address_of_url(text: str) -> Address | None:
    scheme, separator, rest = text.partition("://")
    port = DEFAULT_PORTS.get(scheme.lower())
    if not separator or port is None:
        return None
    try:
        host = urlsplit(f"//{rest}").netloc
    except ValueError:
        return None
    return parse_address(host) or parse_address(f"{host}:{port}")
