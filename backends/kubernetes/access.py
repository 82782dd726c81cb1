"""Find the API server and this user's credentials, as `kubectl` and Dynamo do.

`kubernetes_asyncio` (read in 36.1) reads kubeconfigs, runs exec plugins and OIDC refreshes, and
makes the TLS context. It does not read credentials again when the server refuses them: `KubeClient`
does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.aio.daemon_thread import in_daemon_thread
from backends.kubernetes.config import KubernetesConfig
from backends.store import Misconfigured

if TYPE_CHECKING:
    from kubernetes_asyncio.client import ApiClient, Configuration

IN_CLUSTER = "in-cluster"
"""Shown in place of a context's name where the pod's service account is used."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_NAMESPACE = "default"
PLUGIN_TIME = 60.0
"""Seconds within which an exec plugin has to print credentials. Some sign in over a network."""


@dataclass(slots=True)
class Access:
    """A client of one API server, and what its configuration chose."""

    api: ApiClient
    context: str
    namespace: str
    """Empty: all namespaces."""

    @property
    def host(self) -> str:
        """Return the server's URL, without credentials."""
        return str(self.api.configuration.host)


async def load(config: KubernetesConfig, environ: Mapping[str, str] | None = None) -> Access:
    """Return the access that a configuration describes. Connects to nothing but what an exec plugin
    or an OIDC refresh connects to.

    Raises `Misconfigured`.
    """
    env = os.environ if environ is None else environ
    # Its import takes some 0.4 s: not on the event loop.
    await in_daemon_thread(_import_library, "import of kubernetes_asyncio")
    from kubernetes_asyncio.client import ApiClient, Configuration
    from kubernetes_asyncio.config import ConfigException

    configuration = Configuration()
    try:
        paths = kubeconfig_paths(config, env)
        if paths:
            context, namespace = await _from_kubeconfig(config, paths, configuration)
        elif env.get("KUBERNETES_SERVICE_HOST"):
            context, namespace = await _from_pod(configuration)
        else:
            raise Misconfigured(
                "kubeconfig", "there is no kubeconfig file, and this is no pod of a cluster"
            )
        api = ApiClient(configuration)
    except (ConfigException, OSError, ValueError, AssertionError, TypeError) as error:
        raise Misconfigured("kubeconfig", str(error) or type(error).__name__) from error
    api.user_agent = "dyntop"
    if config.all_namespaces:
        return Access(api, context, "")
    chosen = config.namespace or env.get("POD_NAMESPACE") or namespace or DEFAULT_NAMESPACE
    return Access(api, context, chosen)


def kubeconfig_paths(config: KubernetesConfig, env: Mapping[str, str]) -> str:
    """Return the kubeconfig files that exist, joined as in `PATH`. Empty: there is none.

    Raises `Misconfigured` if files are named and none exists.
    """
    named = config.kubeconfig or env.get("KUBECONFIG")
    home = env.get("HOME") or str(Path.home())
    candidates = named or str(Path(home, ".kube", "config"))
    found = [
        path for path in candidates.split(os.pathsep) if path and Path(path).expanduser().is_file()
    ]
    if named and not found:
        raise Misconfigured("kubeconfig", f"no such file: {named}")
    return os.pathsep.join(found)


async def _from_kubeconfig(
    config: KubernetesConfig, paths: str, configuration: Configuration
) -> tuple[str, str]:
    """Fill a configuration from kubeconfig files. Return the names of context and namespace."""
    from kubernetes_asyncio.config import load_kube_config

    try:
        async with asyncio.timeout(PLUGIN_TIME):
            loader = await load_kube_config(
                config_file=paths, context=config.context, client_configuration=configuration
            )
    except TimeoutError:
        raise Misconfigured("kubeconfig", f"no credentials within {PLUGIN_TIME:.0f} s") from None
    context: dict[str, Any] = loader.current_context or {}
    details = context.get("context") or {}
    return str(context.get("name", "")), str(details.get("namespace") or "")


async def _from_pod(configuration: Configuration) -> tuple[str, str]:
    from kubernetes_asyncio.config import load_incluster_config

    load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    namespace = SERVICE_ACCOUNT / "namespace"
    return IN_CLUSTER, namespace.read_text().strip() if namespace.is_file() else ""


def _import_library() -> None:
    import kubernetes_asyncio.client
    import kubernetes_asyncio.config  # noqa: F401
