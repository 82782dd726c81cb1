"""The contexts that an open dashboard may go on with, each with its settings. All of it blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypedDict

import msgspec

from backends.store import Misconfigured
from tui.config.folder import config_folder
from tui.config.settings import Settings
from tui.config.shown import shown

if TYPE_CHECKING:
    from backends.liveness.gathering import Probing

GIVEN_BY_COLON: Final = ":ctx"
"""The source of a context that was named in the dashboard."""
KEPT = ("read_only", "probe", "lease_rate", "audit")
"""Settings whose flags are of a whole run. All others name a store, or are of the one at the start:
a context that is named later goes before them, or its name would stand over another store."""
ADDRESSES = {
    "etcd": ("endpoints",),
    "file": ("file_store",),
    "kubernetes": ("kube_context", "kube_namespace"),
    "nats": ("nats",),
}
"""By store, the settings that say where it is."""


class KeptFlags(TypedDict):
    """The flags of the start that hold for each context."""

    read_only: bool
    probing: Probing | None
    lease_rate: float | None
    no_audit: bool


class ContextChoice(msgspec.Struct, frozen=True):
    """A context to choose. Its texts are as in the file."""

    name: str
    store: str = ""
    address: str = ""
    namespace: str = ""
    read_only: bool = False
    problem: str = ""
    """Why it cannot be chosen. Empty: it can."""

    @property
    def key(self) -> str:
        """Return what tells it from others."""
        return self.name


class OtherContexts:
    """Reads the contexts of this user's files anew each time: they may have changed."""

    def __init__(self, environ: Mapping[str, str], kept: KeptFlags) -> None:
        self._environ = environ
        self._kept = kept

    def names(self) -> list[str]:
        """Return the names of all contexts. Empty: there are none, or no file can be read."""
        from tui.config.context_file import context_files

        if (folder := config_folder(self._environ)) is None:
            return []
        files, _ = context_files(folder, GIVEN_BY_COLON)
        return list(dict.fromkeys(name for file in files for name in file.tables))

    def settings(self, name: str) -> Settings:
        """Return the settings of a context: its own, else the environment's, with the flags that
        are kept. Raises `Misconfigured`."""
        from tui.config.context_file import read_context
        from tui.config.settings_file import settings_file

        return Settings.from_environment(
            self._environ,
            context=read_context(self._environ, name, GIVEN_BY_COLON),
            file=settings_file(self._environ),
            **self._kept,
        )

    def choices(self) -> list[ContextChoice]:
        """Return all contexts, in the order of their files."""
        return [self._choice(name) for name in self.names()]

    def _choice(self, name: str) -> ContextChoice:
        try:
            return described_context(name, self.settings(name))
        except Misconfigured as error:
            return ContextChoice(name, problem=error.problem)


def described_context(name: str, settings: Settings) -> ContextChoice:
    """Return what a list of contexts shows of one."""
    values = {one.name: one.value for one in shown(settings)}
    store = values["backend"] or ""
    found = (values.get(setting) for setting in ADDRESSES.get(store, ()))
    return ContextChoice(
        name,
        store,
        " ".join(filter(None, found)) or ("this process" if store == "memory" else ""),
        settings.namespace or "",
        settings.read_only,
    )


def dropped_flags(settings: Settings) -> list[str]:
    """Return the flags of the start that a context does not take over."""
    found = [
        source
        for setting, source in settings.sources.items()
        if setting not in (*KEPT, "context", "demo", "remember") and source.startswith("--")
    ]
    return list(dict.fromkeys(found))
