"""Named contexts: which store to look at, and whether anything may be removed there, by a name.

They stand in `dyntop/contexts.toml` in `$XDG_CONFIG_HOME`, else in `~/.config`, one table each:

    [prod]
    backend = "etcd"                # or "file", "nats"; not needed where one of the next two tells
    endpoints = ["https://etcd-0:2379", "https://etcd-1:2379"]    # or one text, with commas
    # file_store = "/data/dynamo_kv"    in place of endpoints
    nats = "nats://nats-0:4222"     # of the nats store; else where services are asked
    namespace = "prod"              # "" for all, whatever DYN_NAMESPACE says
    read_only = true
    metrics = ["http://frontend-0:8000"]    # or one text, with commas: as --metrics

A name with a dot is written in quotes: `["prod.eu"]`. All that a table does not say comes from the
environment, and so does every secret. dyntop reads this file only if a context is named, and never
writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from backends.store import Misconfigured
from tui.config.folder import config_folder, read_toml

SETTINGS = ("backend", "endpoints", "file_store", "nats", "namespace", "read_only", "metrics")
"""All that a table may say."""

Source = Literal["--context", "DYNTOP_CONTEXT"]
"""Who named the context: the flag or the environment variable."""


@dataclass(frozen=True, slots=True)
class Context:
    """What one table says. None: nothing, so the environment is asked."""

    name: str
    source: Source
    backend: Literal["etcd", "file", "nats"] | None = None
    """Also where `endpoints` or `file_store` is what tells."""
    endpoints: str | None = None
    """Of etcd, separated by commas."""
    file_store: str | None = None
    """An absolute path."""
    nats: str | None = None
    """Servers of NATS, separated by commas."""
    namespace: str | None = None
    """Empty: all of them."""
    read_only: bool = False
    metrics: str | None = None
    """URLs, separated by commas."""


def chosen(environ: Mapping[str, str], flag: str | None) -> Context | None:
    """The context that is named, read from its file. None: none is named, and nothing was read.

    `flag` goes before DYNTOP_CONTEXT, also when it is empty, which names none. Blocks.

    Raises `Misconfigured` for a name that is not there, and for a file that cannot be used.
    """
    source: Source = "--context"
    name = flag
    if name is None:
        name, source = environ.get("DYNTOP_CONTEXT"), "DYNTOP_CONTEXT"
    if not name:
        return None
    path = _path(environ, source)
    return _read(path, _tables(path, name, source), name, source)


def _path(environ: Mapping[str, str], source: Source) -> Path:
    """Raises `Misconfigured` where this user has no home."""
    folder = config_folder(environ)
    if folder is None:
        problem = "this user has no home to read contexts from: set XDG_CONFIG_HOME"
        raise Misconfigured(source, problem)
    return folder / "contexts.toml"


def _tables(path: Path, name: str, source: Source) -> dict[str, object]:
    """All that is in the file. Raises `Misconfigured`."""
    try:
        return read_toml(path, source, "leave the context out")
    except FileNotFoundError:
        problem = f"there is no {path}: write it, with a table for {name!r}"
    raise Misconfigured(source, problem)


def _read(path: Path, tables: Mapping[str, object], name: str, source: Source) -> Context:
    stray = [key for key, value in tables.items() if not isinstance(value, dict)]
    if stray:
        # Most likely meant for all contexts, and a `read_only` must not be passed over.
        problem = f"{_names(stray)} must be in the table of a context, e.g. below [{name}]"
        raise Misconfigured(str(path), problem)
    table = tables.get(name)
    if not isinstance(table, dict):
        there = f"it has {_names(tables)}" if tables else "it has none"
        raise Misconfigured(source, f"there is no context {name!r} in {path}: {there}")
    return _Table(f"[{name}] in {path}", table).context(name, source)


@dataclass(frozen=True, slots=True)
class _Table:
    """One context as it was written. Every method raises `Misconfigured` for what is wrong."""

    where: str
    said: Mapping[str, object]

    def context(self, name: str, source: Source) -> Context:
        if unknown := [key for key in self.said if key not in SETTINGS]:
            is_are = "is no setting" if len(unknown) == 1 else "are no settings"
            raise self._wrong(f"{_names(unknown)} {is_are} of a context: it has {_names(SETTINGS)}")
        backend = self._backend()
        return Context(
            name,
            source,
            backend=backend,
            endpoints=self._endpoints(backend),
            file_store=self._file_store(backend),
            nats=self._servers("nats", "NATS_AUTH_USERNAME and NATS_AUTH_PASSWORD"),
            namespace=self._text("namespace"),
            read_only=self._read_only(),
            metrics=self._metrics(),
        )

    def _backend(self) -> Literal["etcd", "file", "nats"] | None:
        match self.said.get("backend"):
            case None if "endpoints" in self.said:
                return "etcd"
            case None if "file_store" in self.said:
                return "file"
            case None | "etcd" | "file" | "nats" as backend:
                return backend
            case str(other):
                raise self._wrong(f"backend is {other!r}, and must be 'etcd', 'file' or 'nats'")
        raise self._wrong("backend must be a text: 'etcd', 'file' or 'nats'")

    def _endpoints(self, backend: str | None) -> str | None:
        endpoints = self._servers("endpoints", "ETCD_AUTH_USERNAME and ETCD_AUTH_PASSWORD")
        if endpoints is not None:
            self._belongs("endpoints", "etcd", backend)
        return endpoints

    def _servers(self, setting: str, credentials: str) -> str | None:
        """`credentials`: where user and password belong."""
        together = self._texts(setting)
        if together is None:
            return None
        if not together.replace(",", "").strip():
            one = "endpoint" if setting == "endpoints" else "server"
            raise self._wrong(f"{setting} names no {one}: leave it out, or name one")
        if "@" in together:
            # Not repeated: it may hold a password.
            raise self._wrong(f"user and password belong in {credentials}, not in {setting}")
        return together

    def _file_store(self, backend: str | None) -> str | None:
        folder = self._text("file_store")
        if folder is None:
            return None
        self._belongs("file_store", "file", backend)
        # Relative to what? The same name must mean the same store wherever dyntop is started.
        if not Path(folder).is_absolute():
            raise self._wrong(f"file_store is {folder!r}, and must be a path that begins with /")
        return folder

    def _read_only(self) -> bool:
        read_only = self.said.get("read_only", False)
        if not isinstance(read_only, bool):
            raise self._wrong("read_only must be true or false, without quotes")
        return read_only

    def _metrics(self) -> str | None:
        together = self._texts("metrics")
        if together is not None and "@" in together:
            raise self._wrong(
                "metrics has a URL with user and password: those belong in DYNTOP_METRICS"
            )
        return together

    def _texts(self, setting: str) -> str | None:
        """A text, or those of a list with commas between them."""
        texts = self.said.get(setting)
        if texts is None:
            return None
        if isinstance(texts, str):
            texts = [texts]
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise self._wrong(f"{setting} must be a text or a list of texts")
        return ",".join(texts)

    def _text(self, setting: str) -> str | None:
        text = self.said.get(setting)
        if text is not None and not isinstance(text, str):
            raise self._wrong(f"{setting} must be a text, in quotes")
        return text

    def _belongs(self, setting: str, store: str, backend: str | None) -> None:
        if backend != store:
            problem = f"{setting} belongs to the {store} store, and {backend} was chosen"
            raise self._wrong(f"{problem}: leave one of them out")

    def _wrong(self, problem: str) -> Misconfigured:
        return Misconfigured(self.where, problem)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
