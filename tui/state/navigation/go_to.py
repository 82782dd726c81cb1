"""The words that may be typed after `:`, and what each of them shows.

No Textual in here.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from backends.dynamo import lookup
from backends.dynamo.lookup import MatchedField, Named
from backends.dynamo.records import AnyRecord, EndpointInstance
from backends.dynamo.roles import is_internal
from backends.liveness.workers import workers
from backends.probe.hosts import bare_host, hosts_in
from tui.state.cluster_view import ClusterView
from tui.state.destinations import Destination
from tui.state.narrowing import HOST_WORD
from tui.state.navigation.moments import revision_named, time_named
from tui.state.past.moves import Move
from tui.state.reported_removals import Notice
from tui.state.tabs import TabId
from tui.text.past.typed_time import TypedTime
from tui.text.sanitize import plain
from tui.text.suggestions import did_you_mean

MOST_NAMES = 2_000
"""Names of one kind that are offered."""


class GoToWord(msgspec.Struct, frozen=True):
    """A word that may be typed."""

    word: str
    argument: str
    """What follows it, for people. Empty: nothing."""
    shows: str
    """For the documents, after "shows"."""
    same_as: str | None = None
    """The action of a key that does the same."""

    @property
    def needs_more(self) -> bool:
        """Return whether something has to follow it."""
        return bool(self.argument) and self.word not in _ALONE_TOO


WORDS = (
    GoToWord("id", "ID, ADDRESS or KEY", "the worker that it belongs to"),
    GoToWord("model", "NAME", "that model, in Models"),
    GoToWord("ns", "NAMESPACE", "that namespace; without a name, all"),
    GoToWord("host", "HOST, NODE or POD", "what is registered at that host, in Workers"),
    GoToWord("ctx", "NAME", "that context; `-`: the one before; without a name, a list"),
    GoToWord("rev", "REVISION", "what was registered at that revision (etcd)"),
    GoToWord("at", "TIME", "what was registered at that time: `14:02`, or `10m` before now"),
    GoToWord("stale", "", "only records that are not live", same_as="not-live"),
    GoToWord("all", "", "everything again: no filter, all namespaces"),
    *(
        GoToWord(
            tab.value,
            "FILTER" * (tab is TabId.EVENTS),
            f"the tab {tab.value.capitalize()}",
            same_as=f"tab-{number}",
        )
        for number, tab in enumerate(TabId)
    ),
)
_ALONE_TOO = ("ns", "ctx", TabId.EVENTS)
"""Words that may have nothing after them, too."""
_BY_WORD = {command.word: command for command in WORDS}
_SHORT = {
    "context": "ctx",
    "namespace": "ns",
    "worker": "id",
    "instance": "id",
    "address": "id",
    "key": "id",
}
"""Other spellings."""


class ContextNamed(msgspec.Struct, frozen=True):
    """Another context is to be shown."""

    name: str
    """Empty: one is to be chosen. `-`: the one before."""


BEFORE = "-"
"""Names the context before."""


class GoTo:
    """Finds what a command names among the records that are registered, and the contexts."""

    def __init__(self, view: ClusterView) -> None:
        self._view = view
        self._names: dict[str, list[str]] = {}
        """What may follow each word, as it is shown."""
        self.contexts: list[str] = []
        """The names of all contexts, once they were read."""

    def forget(self) -> None:
        """Look names up anew when they are needed next."""
        self._names.clear()

    def completed(self, typed: str) -> str | None:
        """Return a line that begins with what was typed, in any case. None: there is none."""
        word, blank, rest = typed.partition(" ")
        if not blank:
            return _first(_BY_WORD, word)
        command = _SHORT.get(word.lower(), word.lower())
        name = _first(self._names_after(command), rest.lstrip()) if rest.strip() else None
        return None if name is None else f"{word} {name}"

    def resolve(self, typed: str) -> Destination | ContextNamed | Move | TypedTime | Notice:
        """Return what a line shows, or why it shows nothing. A line that begins with none of the
        words is what follows `id`."""
        word, _, rest = typed.strip().partition(" ")
        rest, lower = rest.strip(), word.lower()
        command = _BY_WORD.get(_SHORT.get(lower, lower))
        if command is None:
            return self._unknown(typed.strip())
        if rest and not command.argument:
            return Notice(f":{command.word} takes nothing after it.", "warning")
        if not rest and command.needs_more:
            return Notice(f":{command.word} needs {command.argument}.", "warning")
        match command.word:
            case "id":
                return self._worker(rest)
            case "model":
                return self._model(rest)
            case "ns":
                return self._namespace(rest)
            case "host":
                return self._host(rest)
            case "ctx":
                return ContextNamed(rest)
            case "rev":
                return revision_named(rest)
            case "at":
                return time_named(rest)
            case "stale":
                return Destination(only_findings=True)
            case "all":
                return Destination(scope=(), filter="", only_findings=False)
        return Destination(tab=command.word, filter=rest or None)

    def _unknown(self, typed: str) -> Destination | Notice:
        found = self._worker(typed)
        if isinstance(found, Destination):
            return found
        hint = did_you_mean(f":{typed.partition(' ')[0]}", (f":{word}" for word in _BY_WORD))
        said = f"{plain(typed)} is no command{hint}, and nothing registered has that name."
        return Notice(said, "warning")

    def _worker(self, text: str) -> Destination | Notice:
        """Find a process, or if a text names several, or what has no process, all of that."""
        wanted, cluster = lookup.parse(text), self._view.cluster
        records = _named(wanted, self._view)
        if not records:
            past = (event.record for event in self._view.events())
            if any(one is not None and wanted.meanings(one, None) for one in past):
                # When and why it went.
                return Destination(tab=TabId.EVENTS, scope=(), filter=wanted.text)
            return Notice(f"Nothing is registered that is named {plain(text)}.", "warning")
        only = records[0]
        named_itself = only.key == wanted.key and isinstance(only, EndpointInstance)
        if named_itself and not is_internal(only.id.endpoint):
            return Destination(tab=TabId.INSTANCES, row=only.key, scope=(), filter="")
        found = workers(cluster, records)
        if len(found) == 1:
            return Destination(tab=TabId.WORKERS, row=found[0].id, scope=(), filter="")
        if (host := bare_host(wanted.text)) in hosts_in(cluster.records.values()):
            return _at_host(host)
        return Destination(tab=TabId.WORKERS, scope=(), filter=wanted.text)

    def _host(self, text: str) -> Destination | Notice:
        """Show one host; or by part of their names, which are addresses mostly, several."""
        host, hosts = bare_host(text), hosts_in(self._view.cluster.records.values())
        if host in hosts:
            return _at_host(host)
        if any(host in one for one in hosts):
            return Destination(tab=TabId.WORKERS, scope=(), filter=host)
        hint = did_you_mean(host, map(plain, hosts))
        return Notice(f"Nothing is registered at a host {plain(text)}{hint}.", "warning")

    def _model(self, text: str) -> Destination | Notice:
        names = [one for one in self._names_after("model") if text.lower() in one.lower()]
        exact = [one for one in names if one.lower() == text.lower()] or names
        if not exact:
            hint = did_you_mean(text, self._names_after("model"))
            return Notice(f"No model is named {plain(text)}{hint}.", "warning")
        if len(exact) > 1:
            return Destination(tab=TabId.MODELS, scope=(), filter=text)
        real = next(one for one in self._view.models.names() if plain(one) == exact[0])
        return Destination(tab=TabId.MODELS, row=(real,), scope=(), filter="")

    def _namespace(self, text: str) -> Destination | Notice:
        if not text:
            return Destination(scope=())
        for name in self._view.cluster.children(()):
            if plain(name).lower() == text.lower():
                return Destination(scope=(name,))
        hint = did_you_mean(text, self._names_after("ns"))
        return Notice(f"Nothing is registered in a namespace {plain(text)}{hint}.", "warning")

    def _names_after(self, word: str) -> list[str]:
        if word not in self._names:
            self._names[word] = sorted(self._all_names(word))[:MOST_NAMES]
        return self._names[word]

    def _all_names(self, word: str) -> set[str]:
        cluster = self._view.cluster
        match word:
            case "ns":
                return {plain(name) for name in cluster.children(()) if name}
            case "model":
                return set(map(plain, self._view.models.names()))
            case "host":
                return set(map(plain, hosts_in(cluster.records.values())))
            case "ctx":
                return {one for one in self.contexts if one == plain(one)}
            case "id":
                return {f"{worker:x}" for worker in cluster.workers()}
        return set()


def _at_host(host: str) -> Destination:
    # Of a name with blanks a filter has two words.
    whole = host if len(host.split()) > 1 else f"{HOST_WORD}{host}"
    return Destination(tab=TabId.WORKERS, scope=(), filter=whole)


def _first(names: Iterable[str], start: str) -> str | None:
    return next((name for name in names if name.lower().startswith(start.lower())), None)


def _named(wanted: Named, view: ClusterView) -> list[AnyRecord]:
    """Return the records that a text names by the most exact of its meanings, sorted by key."""
    found: dict[MatchedField, list[AnyRecord]] = {}
    cluster = view.cluster
    for record in cluster.records.values():
        meanings = wanted.meanings(record, cluster.worker_of(record))
        if meanings:
            found.setdefault(min(meanings), []).append(record)
    return sorted(found[min(found)], key=lambda one: one.key) if found else []
