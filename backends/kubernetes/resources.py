"""The resources that are read, and their paths at the API server."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

ENABLED = "nvidia.com/dynamo-discovery-enabled"
"""The label, of value `true`, of slices and pods that Dynamo's clients look at (0.8 to 1.6)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of object."""

    plural: str
    root: str
    """The path of its group and version."""
    selector: str = ""
    """The label selector of those that are read. Empty: all."""
    fields: str = ""
    """The field selector of those that are read. Empty: all."""

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of a namespace's objects, or of one. Empty namespace: of all."""
        within = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        return f"{self.root}{within}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


WORKERS = Resource("dynamoworkermetadatas", "/apis/nvidia.com/v1alpha1")
SLICES = Resource("endpointslices", "/apis/discovery.k8s.io/v1", f"{ENABLED}=true")
PODS = Resource("pods", "/api/v1")
