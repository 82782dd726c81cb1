"""What each argument is completed with. Choices and options need nothing here: they are the
parser's."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from tui.cli.arguments.compared import KINDS_COMPARED, LIVE
from tui.cli.completion.local_names import act_ids, context_names, kube_context_names, paths
from tui.cli.completion.offered_names import offered_names
from tui.cli.completion.store_names import StoreNames

if TYPE_CHECKING:
    from backends.dynamo.queries import Query
    from backends.dynamo.records import AnyRecord
    from tui.cli.arguments.parser import Parser
    from tui.config.settings import Settings

Names = Callable[[StoreNames, argparse.Namespace, str], Iterable[str]]
"""From the words before it and its beginning to the words that an argument can be."""

FILTERS = ("component", "endpoint", "topic")
"""From the widest to the narrowest."""

WHAT = "what"
"""The argument that chooses the kinds of records."""


def add_completers(parser: Parser, names: StoreNames) -> None:
    """Tell argcomplete how each argument is completed, of dyntop and of each command."""
    for command, one in {"": parser, **parser.commands()}.items():
        for action in one.complete()._actions:
            if action.dest == WHAT:
                # So that it can be seen whether it was given.
                action.default = None
            found = ARGUMENTS.get((command, action.dest)) or ANYWHERE.get(action.dest)
            if found is not None:
                # By this name argcomplete looks for it.
                setattr(action, "completer", partial(_complete, names, found))  # noqa: B010


def _complete(
    names: StoreNames, found: Names, *, prefix: str, parsed_args: argparse.Namespace, **_: Any
) -> Iterator[str]:
    return offered_names(found(names, parsed_args, prefix), prefix)


# --- from the store ------------------------------------------------------------------------------


def _of_records(
    names: str, *, what: str = "all", without: tuple[str, ...] = (), also_all: bool = False
) -> Names:
    """Return what completes with some names of `record_names`.

    `what`: the records to read. `without`: filters that the words may have and that are not used.
    `also_all`: in all namespaces, whatever the words and the environment say.
    """

    def found(store: StoreNames, words: argparse.Namespace, _: str) -> Iterable[str]:
        from tui.cli.completion import record_names

        of: Callable[[Iterable[AnyRecord]], Iterator[str]] = getattr(record_names, names)
        query = partial(_query, words, what, without=without, also_all=also_all)
        return sorted(of(store.records(words, query)))

    return found


def _query(
    words: argparse.Namespace,
    what: str,
    settings: Settings,
    *,
    without: tuple[str, ...],
    also_all: bool,
) -> Query:
    from msgspec.structs import replace

    from tui.cli.output import query

    filters = [None if one in without else getattr(words, one, None) for one in FILTERS]
    found = query(settings, what, *filters)
    return replace(found, namespace=None) if also_all else found


def _listed(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    """A NAME of `list`: what its rows are called by. No name comes before `what`."""
    what = getattr(words, WHAT, None)
    return () if what is None else _named(store, words, prefix, what)


def _named(
    store: StoreNames, words: argparse.Namespace, prefix: str, what: str = "all"
) -> Iterable[str]:
    """Models, ids and paths; what begins so, also hosts, pods and keys: every record has some."""
    from tui.cli.completion import record_names

    query = partial(_query, words, what, without=(), also_all=False)
    records = store.records(words, query)
    groups: list[record_names.Names] = [record_names.ids]
    if what != "workers":
        groups = [record_names.models, record_names.ids, record_names.paths]
    if prefix:
        groups += [record_names.hosts, record_names.keys]
    return chain.from_iterable(sorted(record_names.looked_up(of, records, prefix)) for of in groups)


def _channels(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    """A CHANNEL of `tap`: its names; its key, if that is begun."""
    from tui.cli.completion import record_names

    query = partial(_query, words, "channels", without=(), also_all=False)
    records = store.records(words, query)
    return chain(sorted(record_names.paths(records)), sorted(record_names.keys(records)))


def _restorable(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    """An ID of `restore`: a pod of a lasting drain, or an act in the audit of this machine."""
    pods: Iterable[str] = ()
    if _may_have_pods(store, words):
        pods = _of_records("pods_taken_out")(store, words, prefix)
    return chain(pods, store.within_patience(lambda: act_ids(store.environ), ()))


def _may_have_pods(store: StoreNames, words: argparse.Namespace) -> bool:
    settings = store.settings(words)
    return settings is not None and settings.connection.backend == "kubernetes"


# --- from this machine ---------------------------------------------------------------------------


def _contexts(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    return store.within_patience(lambda: context_names(store.environ), ())


def _kube_contexts(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    return store.within_patience(lambda: kube_context_names(store.environ), ())


def _files(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    return store.within_patience(lambda: sorted(paths(prefix)), [])


def _folders(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    return store.within_patience(lambda: sorted(paths(prefix, only_folders=True)), [])


def _compared(store: StoreNames, words: argparse.Namespace, prefix: str) -> Iterable[str]:
    """A WHAT of `diff`, or the file of a FILE@TIME."""
    return chain(KINDS_COMPARED, (LIVE,), _files(store, words, prefix))


ANYWHERE: dict[str, Names] = {
    "context": _contexts,
    "kube_context": _kube_contexts,
    "file_store": _folders,
    "log": _files,
    "namespace": _of_records("namespaces", without=FILTERS, also_all=True),
    "component": _of_records("components", without=FILTERS),
    "endpoint": _of_records("endpoints", without=FILTERS[1:]),
    "topic": _of_records("topics", without=FILTERS[2:]),
    "model": _of_records("models", what="models"),
    "host": _of_records("hosts"),
}
"""By the name of the option's value, in dyntop and every command that has it."""

ARGUMENTS: dict[tuple[str, str], Names] = {
    ("list", "names"): _listed,
    ("show", "name"): _named,
    ("tap", "channel"): _channels,
    ("unregister", "keys"): _of_records("keys"),
    ("drain", "instance"): _of_records("instance_ids", what="endpoints"),
    ("restore", "id"): _restorable,
    ("record", "file"): _files,
    ("report", "file"): _files,
    ("report", "recording"): _files,
    ("events", "file"): _files,
    ("diff", "what"): _compared,
    ("replay", "file"): _files,
}
"""By command and name of the argument."""
