"""Parts that commands share: their query, their objects, and messages if nothing matches."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from tui.config.settings import Settings, as_name
from tui.runtime.standard_streams import print_message, write_lines
from tui.text.errors import Exit

if TYPE_CHECKING:
    from backends.store import TimeToLive

BUCKETS: dict[str, frozenset[Kind]] = {
    "endpoints": frozenset({Kind.ENDPOINT}),
    "models": frozenset({Kind.MODEL}),
    "channels": frozenset({Kind.EVENT_CHANNEL}),
    "sources": frozenset({Kind.EVENT_SOURCE}),
    "workers": frozenset(Kind),
    "all": frozenset(Kind),
}
"""The kinds that a command can list, by its argument."""

STRUCTURED = ("json", "ndjson", "yaml")
"""Outputs for programs: where nothing is found they say so themselves."""


def query_of(settings: Settings, arguments: argparse.Namespace) -> Query:
    """Return a command's query, from its `what` and its filters."""
    names = (arguments.component, arguments.endpoint, arguments.topic)
    return query(settings, arguments.what, *names)


def query(
    settings: Settings, what: str, component: str | None, endpoint: str | None, topic: str | None
) -> Query:
    """Return a query. None: any name. Empty: no component."""
    return Query(
        BUCKETS[what],
        namespace=settings.namespace,
        component=_name(component),
        endpoint=_name(endpoint),
        topic=_name(topic),
        nested=True,
    )


def _name(given: str | None) -> str | None:
    return None if given is None else as_name(given)


def write_objects(output: str, objects: Iterable[str]) -> None:
    """Print JSON objects as a list, one a line, or as YAML: one of `STRUCTURED`.

    Raises BrokenPipeError, `OutputFailed`.
    """
    match output:
        case "json":
            from tui.text.json_export import json_list

            write_lines(json_list(objects))
        case "ndjson":
            write_lines(objects)
        case "yaml":
            from tui.cli.yaml_export import yaml_list

            write_lines(yaml_list(objects))
        case _:
            raise ValueError(output)


def described(settings: Settings) -> str:
    """Return the namespace filter and its source, to end a sentence."""
    if settings.namespace is None:
        return ""
    return f" in namespace {settings.namespace} ({settings.namespace_source})"


def print_nothing_found(
    settings: Settings, arguments: argparse.Namespace, where: str, beside: str = ""
) -> None:
    """Print that nothing matches, with the filters. `where`: the store. `beside`: the text of
    `others_beside`."""
    what = "nothing" if arguments.what == "all" else f"no {arguments.what}"
    named = ("component", "endpoint", "topic")
    filters = [
        f", {name} {text}" for name in named if (text := getattr(arguments, name)) is not None
    ]
    print_message(f"{what} found in {where}{described(settings)}{''.join(filters)}{beside}")


def print_not_found(settings: Settings, missing: Sequence[str], where: str) -> Exit:
    """Print the names of the command line that match nothing. `REFUSED`: at least one."""
    for one in missing:
        print_message(f"nothing is named {one} in {where}{described(settings)}")
    return Exit.REFUSED if missing else Exit.DONE


def ttl_cell(ttl: TimeToLive | None) -> str:
    """Return seconds left and seconds granted."""
    if ttl is None:
        return "none"
    if ttl.granted is None:
        return "over"
    # More than granted if the clock of the host that touched the file is ahead.
    return f"{min(ttl.remaining, ttl.granted):.0f}/{ttl.granted:.0f}s"
