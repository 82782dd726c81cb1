"""Names in files of this machine: contexts, acts in the audit, paths. All of them block."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress


def context_names(environ: Mapping[str, str]) -> Sequence[str]:
    """Return the contexts of this user's files. Empty: there are none, or they cannot be read."""
    from backends.store import Misconfigured
    from tui.config.folder import CONTEXTS_FILE, SETTINGS_FILE, config_folder, read_toml
    from tui.config.versions import CONTEXTS, wrong_version

    if (folder := config_folder(environ)) is None:
        return ()
    found: list[str] = []
    for name in (CONTEXTS_FILE, SETTINGS_FILE):
        try:
            tables: object = read_toml(folder / name, "--context", "leave the context out")
        except (FileNotFoundError, Misconfigured):
            continue
        if name == SETTINGS_FILE and isinstance(tables, dict):
            tables = {} if wrong_version(tables) else tables.get(CONTEXTS)
        if isinstance(tables, dict):
            found += (one for one, table in tables.items() if isinstance(table, dict))
    return list(dict.fromkeys(found))


def kube_context_names(environ: Mapping[str, str]) -> Sequence[str]:
    """Return the contexts of the kubeconfig. Empty: there is none, or it cannot be read."""
    from backends.kubernetes.access import existing, kubeconfig_paths
    from backends.kubernetes.config import KubernetesConfig
    from backends.kubernetes.kubeconfig import context_names
    from backends.store import Misconfigured

    paths = kubeconfig_paths(KubernetesConfig(), environ)
    try:
        return context_names(existing(paths))
    except Misconfigured:
        return ()


def act_ids(environ: Mapping[str, str]) -> Sequence[str]:
    """Return the ids of the acts in this user's audit, the newest first. Writes nothing."""
    from backends.removal.audit.disk import AuditFailed
    from backends.removal.audit.location import default_path
    from tui.cli.shared.audit_file import audit_at

    path = default_path(environ)
    if not path.is_absolute():
        return ()
    try:
        return [act.id for act in reversed(audit_at(path).latest_acts())]
    except AuditFailed:
        return ()


def paths(prefix: str, *, only_folders: bool = False) -> Iterator[str]:
    """Yield the paths with a prefix, folders with a slash at their end; hidden ones only if the
    prefix names them so. Not with argcomplete's completer, which runs bash three times."""
    folder, slash, start = prefix.rpartition("/")
    with suppress(OSError), os.scandir((folder or slash) or ".") as found:
        for one in found:
            if one.name.startswith(".") and not start.startswith("."):
                continue
            if one.is_dir():
                yield f"{folder}{slash}{one.name}/"
            elif not only_folders:
                yield f"{folder}{slash}{one.name}"
