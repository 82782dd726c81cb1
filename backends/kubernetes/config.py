"""Where the API server is, who asks, and which namespace is read."""

from __future__ import annotations

import msgspec


class KubernetesConfig(msgspec.Struct, frozen=True):
    """The settings of a Kubernetes store. Without any it finds what `kubectl` and Dynamo find."""

    context: str | None = None
    """A context of the kubeconfig. None: its current one."""
    namespace: str | None = None
    """The Kubernetes namespace. None: `POD_NAMESPACE`, else the context's, else `default`."""
    all_namespaces: bool = False
    """Read all namespaces, which needs a ClusterRole. `namespace` is ignored then."""
    kubeconfig: str | None = None
    """Paths of kubeconfig files, separated as in `PATH`. None: `KUBECONFIG`, else
    `~/.kube/config`, and without those files the service account of the pod that this process runs
    in.
    """
