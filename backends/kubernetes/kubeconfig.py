"""Read kubeconfig files, and choose a context of them, as `kubectl` does (client-go 0.37).

Of several files the first one that has a cluster, user or context of a name decides, and the first
one that names a current context. Relative paths are relative to the file that they stand in.
Messages name files, contexts and users, never what an entry holds: it may be a secret.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

from backends.store import Misconfigured

LARGEST_FILE = 16 << 20
"""Bytes. A larger file is no kubeconfig."""


@dataclass(frozen=True, slots=True)
class KubeconfigEntry:
    """A cluster, a user or a context."""

    name: str
    values: Mapping[str, Any] = field(repr=False)
    file: Path
    """The kubeconfig that it stands in."""

    def text(self, name: str) -> str:
        """Return a value. Empty: there is none. Raises `Misconfigured` if it is no text."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(f"{name} is not a text")
        return value

    def flag(self, name: str) -> bool:
        """Return whether a value is true."""
        return self.values.get(name) is True

    def path(self, name: str) -> Path | None:
        """Return the path that a value names. None: there is none."""
        text = self.text(name)
        return self.file.parent / Path(text).expanduser() if text else None

    def content(self, name: str) -> bytes:
        """Return what `NAME-data` holds in base64, else the content of the file that NAME names.
        Empty: neither is there.

        Raises `Misconfigured`.
        """
        if encoded := self.text(f"{name}-data"):
            try:
                return base64.b64decode(encoded, validate=True)
            except (binascii.Error, ValueError):
                raise self.wrong(f"{name}-data is not base64") from None
        path = self.path(name)
        if path is None:
            return b""
        try:
            return path.read_bytes()
        except OSError as error:
            raise self.wrong(f"{name}: {error.strerror}: {path}") from None

    def wrong(self, problem: str) -> Misconfigured:
        """Return the error for a problem with this entry."""
        return Misconfigured("kubeconfig", f"{self.file}: {self.name}: {problem}")


class ChosenContext(msgspec.Struct, frozen=True):
    """A context with what it names."""

    context: KubeconfigEntry
    cluster: KubeconfigEntry
    user: KubeconfigEntry | None
    """None: the context names no user, who is anonymous then."""

    @property
    def name(self) -> str:
        return self.context.name

    @property
    def namespace(self) -> str:
        """Return the context's namespace. Empty: it names none."""
        return self.context.text("namespace")


def choose(paths: Sequence[Path], wanted: str | None) -> ChosenContext:
    """Return a context of these files. `wanted`: None for the current one.

    Reads the files. Raises `Misconfigured`.
    """
    files = [(path, _read(path)) for path in paths]
    contexts = _entries(files, "contexts", "context")
    name = wanted or next((one for _, config in files if (one := _current(config))), "")
    where = os.pathsep.join(str(path) for path in paths)
    if not name:
        raise Misconfigured("kubeconfig", f"{where} has no current context; {_those(contexts)}")
    if name not in contexts:
        problem = f"{where} has no context {name!r}; {_those(contexts)}"
        raise Misconfigured("kube-context" if wanted else "kubeconfig", problem)
    context = contexts[name]
    cluster = _entries(files, "clusters", "cluster").get(context.text("cluster"))
    if cluster is None:
        raise context.wrong(f"there is no cluster {context.text('cluster')!r}")
    user = None
    if user_name := context.text("user"):
        user = _entries(files, "users", "user").get(user_name)
        if user is None:
            raise context.wrong(f"there is no user {user_name!r}")
    return ChosenContext(context, cluster, user)


def context_names(paths: Sequence[Path]) -> list[str]:
    """Return the names of all contexts of these files. Reads them. Raises `Misconfigured`."""
    return list(_entries([(path, _read(path)) for path in paths], "contexts", "context"))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise Misconfigured("kubeconfig", f"{path} has more than {LARGEST_FILE} bytes")
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        found = yaml.load(path.read_bytes(), Loader=loader)
    except OSError as error:
        raise Misconfigured("kubeconfig", f"{error.strerror}: {path}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Not its text, which quotes the file.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise Misconfigured("kubeconfig", f"{path} is not YAML{line}") from None
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise Misconfigured("kubeconfig", f"{path} is not a kubeconfig")
    return found


def _current(config: Mapping[str, Any]) -> str:
    current = config.get("current-context")
    return current if isinstance(current, str) else ""


def _entries(
    files: Sequence[tuple[Path, Mapping[str, Any]]], plural: str, singular: str
) -> dict[str, KubeconfigEntry]:
    found: dict[str, KubeconfigEntry] = {}
    for path, config in files:
        for name, values in _named(config.get(plural), singular):
            found.setdefault(name, KubeconfigEntry(name, values, path))
    return found


def _named(entries: object, singular: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in entries if isinstance(entries, list) else ():
        name = one.get("name") if isinstance(one, Mapping) else None
        if isinstance(name, str):
            values = one.get(singular)
            yield name, values if isinstance(values, Mapping) else {}


def _those(contexts: Mapping[str, KubeconfigEntry]) -> str:
    if not contexts:
        return "it has no contexts"
    return "there are " + ", ".join(sorted(contexts))
