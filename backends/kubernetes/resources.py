"""The resources that are read, and their paths at the API server."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

ENABLED = "nvidia.com/dynamo-discovery-enabled"
"""The label, of value `true`, of slices and pods that Dynamo's clients look at (0.8 to 1.6)."""


SERVICE_NAME = "kubernetes.io/service-name"
"""The label of a slice that names its Service."""
LABEL_OFF = "dyntop/label-off"
"""The annotation of a pod that keeps the label that a lasting drain took off: `name=value`."""


class Resource(msgspec.Struct, frozen=True):
    """One kind of object."""

    plural: str
    root: str
    """The path of its group and version."""
    selector: str = ""
    """The label selector of those that are read. Empty: all."""
    fields: str = ""
    """The field selector of those that are read. Empty: all."""

    @property
    def group(self) -> str:
        """Return its API group. Empty: the core."""
        return self.root.removeprefix("/apis/").partition("/")[0] if "/apis/" in self.root else ""

    @property
    def name(self) -> str:
        """Return its name as `kubectl auth can-i` takes it: `pods`, `replicasets.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of a namespace's objects, or of one. Empty namespace: of all."""
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{self.root}{within}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


WORKERS = Resource("dynamoworkermetadatas", "/apis/nvidia.com/v1alpha1")
SLICES = Resource("endpointslices", "/apis/discovery.k8s.io/v1", f"{ENABLED}=true")
PODS = Resource("pods", "/api/v1")
SERVICES = Resource("services", "/api/v1")
