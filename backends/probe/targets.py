"""What of a record can be asked whether anybody is there.

Addresses come from whoever can write to the store. Anything odd makes no target, and never an
exception; and one record makes few targets, so that it cannot let dyntop scan a network.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from backends.probe.addresses import Address, parse_address
from backends.probe.types import Method, Target
from backends.records import AnyRecord, EndpointInstance, EventChannel, ModelCard

MOST_BROKERS = 4
"""Addresses of one channel that are asked; Dynamo's own brokers have one or two."""

DEFAULT_PORTS = {"http": 80, "https": 443}

_SUBJECT = re.compile(r"[!-~]{1,1024}")
"""Of NATS, as Dynamo's slugs make them: printable ASCII without spaces."""

# A worker that serves the files of its model itself puts their URLs into its card, as values
# (`DYN_SELF_HOST_METADATA`, seen in 1.6.1 under `model_info`, `tokenizer`, `prompt_formatter` and
# `gen_config`). Found in the bytes, since a card may be large and is looked at often.
_SYSTEM_SERVER = re.compile(rb'"http://([^/"\\\s]{3,262})/v1/metadata/')


def targets_of(record: AnyRecord) -> tuple[Target, ...]:
    """What to ask about this record: most often one target, or none. Never raises."""
    match record:
        case EndpointInstance():
            return _of_instance(record)
        case EventChannel():
            return _of_channel(record)
        case ModelCard():
            return _of_card(record)
        case _:
            return ()


def address_of(target: Target) -> Address | None:
    """Where a target listens; None for NATS, whose server is not in the record."""
    return parse_address(target.address.removeprefix("http://"))


def is_loopback(target: Target) -> bool:
    """Whether its address means this machine, on whichever machine it was written."""
    address = None if target.method is Method.NATS else address_of(target)
    return address is not None and address.is_loopback


def _of_instance(record: EndpointInstance) -> tuple[Target, ...]:
    if record.transport is None or record.transport.address is None:
        return ()
    text = record.transport.address
    match record.transport.kind:
        case "tcp":
            return _at(Method.TCP, parse_address(text.partition("/")[0]))
        case "http":
            return _at(Method.HTTP, _address_of_url(text))
        case "nats_tcp" if _SUBJECT.fullmatch(text) and not set(text) & set("*>"):
            return (Target(Method.NATS, text),)
        case _:
            return ()


def _of_channel(record: EventChannel) -> tuple[Target, ...]:
    if record.transport is None or record.transport.address is None:
        return ()
    match record.transport.kind:
        case "Zmq":
            endpoints = [record.transport.address]
        case "ZmqBroker":
            endpoints = record.transport.address.split(", ", MOST_BROKERS)[:MOST_BROKERS]
        case _:
            return ()
    found = [
        target
        for endpoint in endpoints
        # ipc:// and inproc:// are no addresses on a network.
        if endpoint.startswith("tcp://")
        for target in _at(Method.ZMTP, parse_address(endpoint.removeprefix("tcp://")))
    ]
    return tuple(dict.fromkeys(found))


def _of_card(record: ModelCard) -> tuple[Target, ...]:
    found = _SYSTEM_SERVER.search(record.entry.value)
    address = parse_address(found[1].decode("ascii", "replace")) if found else None
    return () if address is None else (Target(Method.HEALTH, f"http://{address}"),)


def _at(method: Method, address: Address | None) -> tuple[Target, ...]:
    return () if address is None else (Target(method, str(address)),)


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
