"""Named contexts: which store to look at, and whether anything may be removed there, by a name.

They are tables of the settings file, `dyntop/settings.toml` in `$XDG_CONFIG_HOME`, else in
`~/.config`:

    [contexts.prod]
    backend = "etcd"                # or "file", "kubernetes", "nats"; not needed where another
                                    # line says it
    endpoints = ["https://etcd-0:2379", "https://etcd-1:2379"]    # or one text, with commas
    # file_store = "/data/dynamo_kv"    in place of endpoints
    # kube_context = "prod-eu"        of the kubeconfig; kube_namespace = "dynamo", "*" for all
    nats = "nats://nats-0:4222"     # of the nats store; else where services are asked
    namespace = "prod"              # "" for all, whatever DYN_NAMESPACE says
    read_only = true
    metrics = ["http://frontend-0:8000"]    # or one text, with commas: as --metrics
    colour = "red"                  # that its name is shown in

In `contexts.toml`, which is read too, each is a table `[prod]`. A name that both files have is
refused. A name with a dot is written in quotes: `[contexts."prod.eu"]`. All that a table does not
say comes from the environment, and so does every secret. Contexts are read only if one is named,
and dyntop never writes any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.config.context_file import Context, Source


def chosen(environ: Mapping[str, str], flag: str | None) -> Context | None:
    """Return the named context, from its file. None: none is named, and nothing was read.

    `flag` goes before DYNTOP_CONTEXT, also if it is empty, which names none. Blocks.

    Raises `Misconfigured` for an unknown name, and for a file that cannot be used.
    """
    source: Source = "--context"
    name = flag
    if name is None:
        name, source = environ.get("DYNTOP_CONTEXT"), "DYNTOP_CONTEXT"
    if not name:
        return None
    # Only now: pydantic takes longer to import than all that a command needs.
    from tui.config.context_file import read_context

    return read_context(environ, name, source)
