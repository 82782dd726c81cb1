"""Schemas of the values that Dynamo writes, for the fields that dyntop reads.

Seen in releases 0.5.1 to 1.6.1. Types are strict, as in Dynamo's own parser: a number in quotes is
not a number. Fields that dyntop does not need are not listed here; they stay in the stored value.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

U64 = Annotated[int, Field(ge=0, lt=2**64)]
"""Instance, publisher and lease ids: shown in lower-case hex, stored in values as decimal."""


class Part(BaseModel):
    # A schema that no stored value needs is never built.
    model_config = ConfigDict(strict=True, extra="ignore", defer_build=True)


class Body(Part):
    """A whole value."""

    # The tag `type` (from 0.7 on) is checked before; up to 0.6 only the bucket gives the kind.


class EndpointBody(Body):
    namespace: str
    component: str
    endpoint: str
    instance_id: U64
    transport: Any
    device_type: Any = None


class Lora(Part):
    name: str


class Card(Body):
    display_name: str
    source_path: str | None = None
    lora: Lora | None = None
    # A later release may use other types here; the value is shown all the same.
    model_type: Any = None
    worker_type: Any = None
    needs: Any = None
    context_length: Annotated[int, Field(ge=0)] | None = None
    runtime_config: Any = None


class ModelBody(Body):
    namespace: str
    component: str
    endpoint: str
    instance_id: U64
    model_suffix: str | None = None
    card_json: Card


class EndpointName(Part):
    namespace: str
    component: str
    name: str


class ModelEntry(Body):
    """The value of `models/{uuid}` (to 0.5)."""

    name: str
    endpoint: EndpointName
    model_type: Any = None


class Scope(Part):
    """The scope of a channel or source. `kind` decides which other fields are set."""

    kind: str
    """`namespace`, `component`, `endpoint`, or a future one."""
    name: str | None = None
    namespace: str | None = None
    component: str | None = None
    endpoint: EndpointName | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Scope:
        for field in _SCOPE_FIELDS.get(self.kind, ()):
            if getattr(self, field) is None:
                raise PydanticCustomError(
                    "missing", "A scope of this kind needs {field}", {"field": field}
                )
        return self

    def names(self) -> dict[str, str | None]:
        """Return namespace, component and endpoint. Empty for a future kind."""
        if self.kind == "namespace":
            return {"namespace": self.name, "component": None, "endpoint": None}
        if self.kind == "component":
            return {"namespace": self.namespace, "component": self.component, "endpoint": None}
        if self.kind == "endpoint" and (at := self.endpoint) is not None:
            return {"namespace": at.namespace, "component": at.component, "endpoint": at.name}
        return {}


_SCOPE_FIELDS = {
    "namespace": ("name",),
    "component": ("namespace", "component"),
    "endpoint": ("endpoint",),
}


class OldChannelBody(Body):
    """An event channel of releases 0.9 to 1.3."""

    namespace: str
    component: str
    topic: str
    instance_id: U64
    transport: Any

    def names(self) -> dict[str, str | None]:
        """Return namespace and component."""
        return {"namespace": self.namespace, "component": self.component}


class ChannelBody(Body):
    scope: Scope
    topic: str
    instance_id: U64
    transport: Any

    def names(self) -> dict[str, str | None]:
        """Return namespace, component and endpoint. Empty for a future kind of scope."""
        return self.scope.names()


class SourceWorker(BaseModel):
    model_config = ConfigDict(defer_build=True)
    worker_id: Any = None


class SourceMetadata(BaseModel):
    model_config = ConfigDict(defer_build=True)
    worker: SourceWorker | None = None


class SourceBody(Body):
    scope: Scope
    topic: str
    publisher_id: U64
    metadata: Any = None
