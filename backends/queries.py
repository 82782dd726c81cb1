"""What to look at: the discovery queries of Dynamo, and event sources.

A query is a set of prefixes that a store can read and a test that decides. The prefixes only
narrow what is read; the test alone says what matches, and it compares whole names: namespace
`ns` never matches `ns2` (the prefixes of Dynamo's `kv_store.rs` of 2025 and 2026 did).
"""

from __future__ import annotations

from dataclasses import dataclass

from backends import keys, naming
from backends.ids import Kind
from backends.records import AnyRecord


@dataclass(frozen=True, slots=True)
class Query:
    """Records of some kinds whose names are the given ones; None is any name."""

    kinds: frozenset[Kind]
    namespace: str | None = None
    component: str | None = None
    endpoint: str | None = None
    topic: str | None = None
    nested: bool = False
    """Whether `parent` also matches the namespaces nested in it (`parent.child`)."""

    def matches(self, record: AnyRecord) -> bool:
        """Whether a record is one of those asked for."""
        if record.kind not in self.kinds:
            return False
        if self.namespace is not None and not self._is_in_namespace(record.id.namespace):
            return False
        return (
            self.component in (None, record.id.component)
            and self.endpoint in (None, record.id.endpoint)
            and self.topic in (None, record.id.topic)
        )

    def _is_in_namespace(self, namespace: str | None) -> bool:
        if namespace is None or self.namespace is None:
            return False
        if self.nested:
            return naming.is_within(namespace, self.namespace)
        return namespace == self.namespace

    @property
    def prefixes(self) -> tuple[bytes, ...]:
        """What a store has to read: everything that can match begins with one of these.

        But for one thing that no Dynamo writes: a scoped key that percent-encodes its namespace
        in another way (`%70rod` for `prod`) is only found without a namespace.
        """
        if self.kinds >= frozenset(Kind) and self.namespace is None:
            return keys.ROOTS
        return tuple(
            prefix
            for kind, buckets in keys.BUCKETS.items()
            # An unknown key names no namespace, so none of them would match.
            if kind in self.kinds and (kind is not Kind.UNKNOWN or self.namespace is None)
            for bucket in buckets
            for prefix in self._narrowed(bucket)
        )

    def _narrowed(self, bucket: bytes) -> tuple[bytes, ...]:
        if self.namespace is None or bucket in keys.BUCKETS_WITHOUT_NAMES:
            return (bucket,)
        # What is not UTF-8 in a key is read as `\xNN`, so such a name may stand for other bytes.
        if not self.namespace.isascii() or "\\" in self.namespace:
            return (bucket,)
        starts = [bucket + self.namespace.encode()]
        if bucket in keys.SCOPED_BUCKETS:
            starts.append(bucket + b"namespace/" + keys.encode_scope_name(self.namespace).encode())
        ends = (b"/", b".", b"%2E") if self.nested else (b"/",)
        return tuple(start + end for start in starts for end in ends)


EVERYTHING = Query(frozenset(Kind))
"""All that dyntop reads, known or not."""


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
    """Unlike in Dynamo's own query, a topic can be asked for without a component.

    An empty component asks for the channels of a whole namespace of releases 0.9 to 1.3.
    """
    return Query(frozenset({Kind.EVENT_CHANNEL}), namespace, component, topic=topic)


def event_sources(
    namespace: str | None = None, component: str | None = None, topic: str | None = None
) -> Query:
    return Query(frozenset({Kind.EVENT_SOURCE}), namespace, component, topic=topic)
