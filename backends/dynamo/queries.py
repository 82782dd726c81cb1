"""Dynamo's discovery queries, and one for event sources.

A query is a set of prefixes for the store to read, and a test. The prefixes only narrow what is
read; the test alone decides what matches. It compares whole names: namespace `ns` never matches
`ns2` (the prefixes of Dynamo's `kv_store.rs` of 2025 and 2026 did).
"""

from __future__ import annotations

import msgspec

from backends.dynamo import keys, naming
from backends.dynamo.ids import Kind, RecordId
from backends.dynamo.records import AnyRecord

ANY_END = "*"
"""Ends a name of which only the beginning is given."""


def is_named(name: str | None, wanted: str | None) -> bool:
    """Return whether a name matches: whole, or from its beginning for `start*`.

    None matches any name, and no name.
    """
    if wanted is None:
        return True
    if wanted.endswith(ANY_END):
        return name is not None and name.startswith(wanted[: -len(ANY_END)])
    return name == wanted


class Query(msgspec.Struct, frozen=True):
    """Selects records by kind and names. None is any name."""

    kinds: frozenset[Kind]
    namespace: str | None = None
    component: str | None = None
    endpoint: str | None = None
    topic: str | None = None
    nested: bool = False
    """Whether names are as a person writes them.

    Then `start*` matches all that begin so, for namespaces as `DYN_NAMESPACE_PREFIX` of a frontend
    does. Namespace `parent` also matches those nested in it (`parent.child`). And `a.b` also
    matches what a program of Dynamo 1.6 with `DYN_NAMESPACE=a.b` registers: namespace `a`,
    component `b`, and for `a.b.c` endpoints that begin with `c_`.
    """

    def matches(self, record: AnyRecord) -> bool:
        """Return whether the query selects a record."""
        if record.kind not in self.kinds:
            return False
        if self.namespace is not None and not self._is_in_namespace(record.id):
            return False
        of = record.id
        if not self.nested:
            return (
                self.component in (None, of.component)
                and self.endpoint in (None, of.endpoint)
                and self.topic in (None, of.topic)
            )
        return (
            is_named(of.component, self.component)
            and is_named(of.endpoint, self.endpoint)
            and is_named(of.topic, self.topic)
        )

    def _is_in_namespace(self, of: RecordId) -> bool:
        if of.namespace is None or self.namespace is None:
            return False
        if not self.nested:
            return of.namespace == self.namespace
        if (start := self._start) is not None:
            return of.namespace.startswith(start)
        return naming.is_within(of.namespace, self.namespace) or self._is_dotted(of)

    @property
    def _start(self) -> str | None:
        """The beginning of the namespaces. None: the query names one in full."""
        namespace = self.namespace or ""
        return namespace[: -len(ANY_END)] if self.nested and namespace.endswith(ANY_END) else None

    @property
    def _dotted(self) -> tuple[str, str, str] | None:
        """Namespace, component and beginning of endpoints that a program makes of a dotted name."""
        if not self.nested or self._start is not None or "." not in (self.namespace or ""):
            return None
        namespace, component, *endpoint = (self.namespace or "").split(".")
        start = "_".join((*endpoint, "")) if endpoint else ""
        return (namespace, component, start) if namespace and component else None

    def _is_dotted(self, of: RecordId) -> bool:
        if (dotted := self._dotted) is None:
            return False
        namespace, component, start = dotted
        # A record of the whole component belongs to all of its endpoints.
        begins = of.endpoint is None or of.endpoint.startswith(start)
        return (of.namespace, of.component) == (namespace, component) and begins

    @property
    def prefixes(self) -> tuple[bytes, ...]:
        """The prefixes to read from the store: every record that can match begins with one of them.

        One exception, which no Dynamo writes: a scoped key that percent-encodes its namespace in
        another way (`%70rod` for `prod`) is found only without a namespace.
        """
        if self.kinds >= frozenset(Kind) and self.namespace is None:
            return keys.ROOTS
        return tuple(
            prefix
            for kind, buckets in keys.BUCKETS.items()
            if kind in self.kinds
            for bucket in (buckets if kind is not Kind.UNKNOWN else self._others)
            for prefix in self._narrowed(bucket)
        )

    @property
    def _others(self) -> tuple[bytes, ...]:
        """The buckets of unknown kinds; with a namespace, only those whose keys name one."""
        named = (*keys.POOLS, keys.PLANNERS)
        return keys.BUCKETS[Kind.UNKNOWN] if self.namespace is None else named

    def _narrowed(self, bucket: bytes) -> tuple[bytes, ...]:
        if self.namespace is None:
            return (bucket,)
        if bucket in keys.BUCKETS_WITHOUT_NAMES and bucket != keys.PLANNERS:
            return (bucket,)
        # Bytes that are not UTF-8 are read as `\xNN`, so such a name may stand for other bytes.
        if not self.namespace.isascii() or "\\" in self.namespace:
            return (bucket,)
        scoped = bucket in keys.SCOPED_BUCKETS
        if (start := self._start) is not None:
            # The beginning is encoded as a whole: a part of an encoded byte would match nothing.
            whole = keys.encode_scope_name(start).encode()
            return (bucket + start.encode(), *((bucket + b"namespace/" + whole,) if scoped else ()))
        starts = [bucket + self.namespace.encode()]
        if scoped:
            starts.append(bucket + b"namespace/" + keys.encode_scope_name(self.namespace).encode())
        ends = (b"/", b".", b"%2E") if self.nested else (b"/",)
        found = [start + end for start in starts for end in ends]
        if (dotted := self._dotted) is not None:
            names = [name.encode() for name in dotted[:2]]
            found.append(bucket + b"/".join(names) + b"/")
            if scoped:
                encoded = [keys.encode_scope_name(name).encode() for name in dotted[:2]]
                found.append(bucket + b"namespace/" + b"/component/".join(encoded) + b"/")
        return tuple(found)


EVERYTHING = Query(frozenset(Kind))
"""Everything that dyntop reads, of known and unknown kinds."""


def all_endpoints() -> Query:
    return Query(frozenset({Kind.ENDPOINT}))


def namespaced_endpoints(namespace: str) -> Query:
    return Query(frozenset({Kind.ENDPOINT}), namespace)


def component_endpoints(namespace: str, component: str) -> Query:
    return Query(frozenset({Kind.ENDPOINT}), namespace, component)


def endpoint(namespace: str, component: str, endpoint: str) -> Query:
    return Query(frozenset({Kind.ENDPOINT}), namespace, component, endpoint)


def all_models() -> Query:
    return Query(frozenset({Kind.MODEL}))


def namespaced_models(namespace: str) -> Query:
    return Query(frozenset({Kind.MODEL}), namespace)


def component_models(namespace: str, component: str) -> Query:
    return Query(frozenset({Kind.MODEL}), namespace, component)


def endpoint_models(namespace: str, component: str, endpoint: str) -> Query:
    return Query(frozenset({Kind.MODEL}), namespace, component, endpoint)


def event_channels(
    namespace: str | None = None, component: str | None = None, topic: str | None = None
) -> Query:
    """Select event channels.

    Unlike in Dynamo's own query, a topic can be given without a component. An empty component
    selects the channels of a whole namespace of releases 0.9 to 1.3.
    """
    return Query(frozenset({Kind.EVENT_CHANNEL}), namespace, component, topic=topic)


def event_sources(
    namespace: str | None = None, component: str | None = None, topic: str | None = None
) -> Query:
    return Query(frozenset({Kind.EVENT_SOURCE}), namespace, component, topic=topic)
