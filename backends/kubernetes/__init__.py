"""Dynamo's discovery on Kubernetes: one custom resource for each process.

`store` is the `Store`. It reads with `reader` (once) and `watch` (for ever), through `list_watch`
(the API server's protocol) and `client` (requests). `access` finds the server and the credentials:
`kubeconfig`, `exec_plugin`, `oidc`, `certificates`, `proxies`. `decode` makes JSON of bytes,
`objects` values of JSON, `readiness` and `view` entries of them. `permissions` asks what this user
may do. `current_object`, `delete`, `put_back` and `own_object` write.
"""

from __future__ import annotations

from backends.kubernetes.config import KubernetesConfig
from backends.kubernetes.store import KubernetesStore

__all__ = ["KubernetesConfig", "KubernetesStore"]
