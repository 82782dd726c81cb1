"""What the commands share: what is asked for, and what is said when nothing is found."""

from __future__ import annotations

import argparse
import gc
from collections.abc import Sequence

from backends.dynamo.ids import Kind
from backends.dynamo.queries import Query
from backends.store import TimeToLive
from tui.config.settings import Settings, as_name
from tui.runtime.standard_streams import say
from tui.text.errors import Exit

BUCKETS: dict[str, frozenset[Kind]] = {
    "endpoints": frozenset({Kind.ENDPOINT}),
    "models": frozenset({Kind.MODEL}),
    "channels": frozenset({Kind.EVENT_CHANNEL}),
    "sources": frozenset({Kind.EVENT_SOURCE}),
    "workers": frozenset(Kind),
    "all": frozenset(Kind),
}
"""What can be listed, by the word on the command line."""


def keep_all() -> None:
    """For a command that makes tens of thousands of records and drops none before its end:
    searching them for garbage again and again would be a fifth of the time."""
    gc.disable()


def query_of(settings: Settings, arguments: argparse.Namespace) -> Query:
    """What a command was asked to list or watch, by its `what` and its filters."""
    names = (arguments.component, arguments.endpoint, arguments.topic)
    return query(settings, arguments.what, *names)


def query(
    settings: Settings, what: str, component: str | None, endpoint: str | None, topic: str | None
) -> Query:
    """What to list or watch; a name that is None is any, an empty component is one of its own."""
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


def described(settings: Settings) -> str:
    """The filter on the namespace and where it came from, to end a sentence with."""
    if settings.namespace is None:
        return ""
    return f" in namespace {settings.namespace} ({settings.namespace_source})"


def say_nothing_found(
    settings: Settings, arguments: argparse.Namespace, where: str, beside: str = ""
) -> None:
    """That the filters match nothing, and which they are. `where` is the store, `beside` what
    `namespaces_beside` says."""
    what = "nothing" if arguments.what == "all" else f"no {arguments.what}"
    named = ("component", "endpoint", "topic")
    filters = [
        f", {name} {text}" for name in named if (text := getattr(arguments, name)) is not None
    ]
    say(f"{what} found in {where}{described(settings)}{''.join(filters)}{beside}")


def say_not_found(settings: Settings, missing: Sequence[str], where: str) -> Exit:
    """Say which of the names on the command line name nothing; `REFUSED` if any."""
    for one in missing:
        say(f"nothing is named {one} in {where}{described(settings)}")
    return Exit.REFUSED if missing else Exit.DONE


def life(ttl: TimeToLive | None) -> str:
    """Seconds left, and granted."""
    if ttl is None:
        return "none"
    if ttl.granted is None:
        return "over"
    # More than was granted, where the clock of whoever touched a file is ahead.
    return f"{min(ttl.remaining, ttl.granted):.0f}/{ttl.granted:.0f}s"
