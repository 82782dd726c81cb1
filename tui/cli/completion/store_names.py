"""Read the store that the words typed so far name, within a moment, or give up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import argparse

    from backends.connections import Connection
    from backends.dynamo.queries import Query
    from backends.dynamo.records import AnyRecord
    from tui.config.settings import Settings

T = TypeVar("T")

PATIENCE = 0.3
"""Seconds: a person who pressed Tab waits that long without noticing."""

ENDING = 0.1
"""Seconds for closing a connection, after which the process ends without it."""

CLIENTS = {
    "etcd": "backends.etcd",
    "file": "backends.file",
    "kubernetes": "backends.kubernetes",
    "nats": "backends.nats.client",
}
"""What a store imports only once it is opened."""


class StoreNames:
    """Reads the store, and files of this machine. All that one Tab asks for shares `patience`
    seconds. Never raises: what cannot be read has no names."""

    def __init__(self, environ: Mapping[str, str], patience: float = PATIENCE) -> None:
        self.environ = environ
        self._patience = patience

    def records(
        self, words: argparse.Namespace, query: Callable[[Settings], Query]
    ) -> list[AnyRecord]:
        """Return the records that match a query in the store that the words name. Leases are not
        asked for, and no address is probed. Empty also if the store does not answer in time, or
        would run a program of this user to sign in."""
        if (settings := self.settings(words)) is None:
            return []
        # The clock measures the store's answer, not how fast this machine reads its disk.
        if not settings.demo:
            import_client(settings.connection)
        return self.within_patience(lambda: self._read(settings, query(settings)), [])

    def settings(self, words: argparse.Namespace) -> Settings | None:
        """Return the settings of the words, as `settings_of`. None: they cannot be used."""
        import_module("tui.config.settings")
        if getattr(words, "context", None) or self.environ.get("DYNTOP_CONTEXT"):
            import_module("tui.config.context_file")
        return self.within_patience(lambda: settings_of(words, self.environ), None)

    def _read(self, settings: Settings, query: Query) -> list[AnyRecord]:
        if signs_in_elsewhere(settings, self.environ):
            return []
        return asyncio.run(_read(settings, query, self._patience))

    def within_patience(self, do: Callable[[], T], otherwise: T) -> T:
        """Return what `do` returns, or the other if it fails or takes too long. It runs in a thread
        that the end of the process does not wait for: a file system may block without an end."""
        found = [otherwise]

        def work() -> None:
            try:
                found[0] = do()
            except BaseException:  # whatever is wrong: a Tab prints no message
                return

        began = time.monotonic()
        thread = threading.Thread(target=work, name="names", daemon=True)
        thread.start()
        thread.join(self._patience + ENDING)
        self._patience = max(0.0, self._patience - (time.monotonic() - began))
        return found[0]


def settings_of(words: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the words before the one that is completed. Raises `Misconfigured`."""
    from tui.config.contexts import chosen
    from tui.config.settings import Settings

    def word(name: str) -> Any:
        return getattr(words, name, None)

    demo = bool(word("demo"))
    return Settings.from_environment(
        environ,
        context=None if demo else chosen(environ, word("context")),
        backend=word("backend"),
        endpoints=word("endpoints"),
        file_store=word("file_store"),
        nats=word("nats"),
        kube_context=word("kube_context"),
        kube_namespace=word("kube_namespace"),
        namespace=word("namespace"),
        demo=demo,
        no_audit=True,
    )


def import_client(connection: Connection) -> None:
    import_module("tui.session")
    if (module := CLIENTS.get(connection.backend)) is not None:
        import_module(module)


def signs_in_elsewhere(settings: Settings, environ: Mapping[str, str]) -> bool:
    """Return whether reading the store would run a program that signs this user in, or ask a
    service that does: it may open a browser, and a Tab must not."""
    from backends.connections import KubernetesConnection

    connection = settings.connection
    if settings.demo or not isinstance(connection, KubernetesConnection):
        return False
    from backends.kubernetes.access import signs_in_elsewhere
    from backends.kubernetes.config import KubernetesConfig

    return signs_in_elsewhere(KubernetesConfig(context=connection.context), environ)


async def _read(settings: Settings, query: Query, patience: float) -> list[AnyRecord]:
    from tui.session import open_discovery

    async with asyncio.timeout(patience), open_discovery(settings) as discovery:
        records, _ = await discovery.list_readable(query)
        return records
