"""Objects as an API server keeps them: versions, history, field managers, preconditions."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tests.support.kubernetes.field_sets import (
    FieldSet,
    Object,
    applied_to,
    changed_fields,
    fields_of,
    present,
    without,
)

Key = tuple[str, str, str]
"""Resource, namespace and name."""


class ApiProblem(Exception):
    """What an API server answers instead of an object."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    def body(self) -> Object:
        """Return it as a `Status`."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": str(self),
            "reason": self.reason,
            "code": self.status,
        }


@dataclass(frozen=True)
class StoredChange:
    """One change: `old` is None for an added object, `new` for a removed one."""

    version: int
    resource: str
    old: Object | None
    new: Object | None


@dataclass
class ObjectStore:
    """Keeps objects, and tells of each change."""

    notify: Callable[[StoredChange], None]
    version: int = 1000
    oldest: int = 0
    """Versions before this one are forgotten."""
    objects: dict[Key, Object] = field(default_factory=dict)
    history: list[StoredChange] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def all_of(self, resource: str, namespace: str, version: int | None = None) -> list[Object]:
        """Return a resource's objects in one namespace (empty: all), now or as they were at a
        version, sorted by namespace and name."""
        found = dict(self.objects)
        for change in reversed(self.history):
            if version is None or change.version <= version:
                break
            if change.old is None:
                found.pop(_key(change.resource, change.new), None)
            else:
                found[_key(change.resource, change.old)] = change.old
        return [
            one
            for key, one in sorted(found.items())
            if key[0] == resource and (not namespace or key[1] == namespace)
        ]

    def since(self, resource: str, version: int) -> Iterator[StoredChange]:
        """Yield a resource's changes after a version."""
        for change in self.history:
            if change.version > version and change.resource == resource:
                yield change

    def forget(self) -> None:
        """Forget what was before now, as a compaction does."""
        self.oldest = self.version
        self.history.clear()

    def get(self, key: Key) -> Object:
        """Return an object."""
        if key not in self.objects:
            raise ApiProblem(404, "NotFound", f'{key[0]} "{key[2]}" not found')
        return self.objects[key]

    def put(self, resource: str, raw: Object) -> Object:
        """Write an object as it is, as whoever may write anything."""
        new = copy.deepcopy(raw)
        key = _key(resource, new)
        old = self.objects.get(key)
        if old is None:
            self._make_new(new)
        else:
            new["metadata"].setdefault("uid", old["metadata"]["uid"])
            new["metadata"].setdefault("creationTimestamp", old["metadata"]["creationTimestamp"])
        return self._commit(key, old, new)

    def create(self, resource: str, raw: Object, manager: str) -> Object:
        """Write a new object."""
        if (key := _key(resource, raw)) in self.objects:
            raise ApiProblem(409, "AlreadyExists", f'{resource} "{key[2]}" already exists')
        self._check_schema(resource, raw)
        new = copy.deepcopy(raw)
        new["metadata"]["managedFields"] = [self._entry(manager, "Update", fields_of(raw))]
        return self.put(resource, new)

    def apply(self, key: Key, applied: Object, manager: str) -> tuple[Object, bool]:
        """Apply an object. Return what it is now, and whether it is new."""
        applied = copy.deepcopy(applied)
        metadata = applied.setdefault("metadata", {})
        uid, version = metadata.pop("uid", None), metadata.pop("resourceVersion", None)
        old = self.objects.get(key)
        fields = fields_of(applied)
        if old is None:
            if uid or version:
                message = f"Precondition failed: UID in precondition: {uid}, UID in object meta: "
                raise ApiProblem(409, "Conflict", message)
            new = copy.deepcopy(applied)
            self._make_new(new)
            before: FieldSet = {}
        else:
            _check(key, old, uid, version)
            ours = [one for one in _managed(old) if _applied_by(one, manager)]
            others = [one["fieldsV1"] for one in _managed(old) if one not in ours]
            before = ours[0]["fieldsV1"] if ours else {}
            new = applied_to(old, applied, before, others)
            if new == old and fields == before:
                return old, False
        self._check_schema(key[0], new)
        kept = [one for one in _managed(new) if not _applied_by(one, manager)]
        new["metadata"]["managedFields"] = [*kept, self._entry(manager, "Apply", fields)]
        return self._commit(key, old, new), old is None

    def patch(self, key: Key, operations: list[Object], manager: str) -> Object:
        """Apply a JSON patch."""
        old = self.get(key)
        new = _patched(copy.deepcopy(old), operations)
        self._check_schema(key[0], new)
        taken = changed_fields(old, new)
        kept = []
        for one in _managed(new):
            left = without(one["fieldsV1"], taken)
            if left:
                kept.append({**one, "fieldsV1": left})
        if owned := {
            name: within for name, within in present(taken, new).items() if name != "f:metadata"
        }:
            kept.append(self._entry(manager, "Update", owned))
        new["metadata"]["managedFields"] = kept
        return self._commit(key, old, new)

    def delete(self, key: Key, preconditions: Object) -> None:
        """Remove an object, and what hangs on it alone."""
        old = self.get(key)
        _check(key, old, preconditions.get("uid"), preconditions.get("resourceVersion"))
        self._commit(key, old, None)
        gone = old["metadata"].get("uid")
        for other, one in list(self.objects.items()):
            owners = [owner["uid"] for owner in one["metadata"].get("ownerReferences", [])]
            if owners == [gone]:
                self.delete(other, {})

    def _make_new(self, raw: Object) -> None:
        metadata = raw["metadata"]
        metadata.setdefault("uid", str(uuid4()))
        metadata.setdefault("creationTimestamp", self._time())

    def _commit(self, key: Key, old: Object | None, new: Object | None) -> Object:
        self.version += 1
        stored = copy.deepcopy(old if new is None else new)
        assert stored is not None
        stored["metadata"]["resourceVersion"] = str(self.version)
        if new is None:
            del self.objects[key]
            change = StoredChange(self.version, key[0], stored, None)
        else:
            self.objects[key] = stored
            change = StoredChange(self.version, key[0], old, stored)
        self.history.append(change)
        self.notify(change)
        return stored

    def _entry(self, manager: str, operation: str, fields: FieldSet) -> Object:
        return {
            "manager": manager,
            "operation": operation,
            "apiVersion": "nvidia.com/v1alpha1",
            "time": self._time(),
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }

    def _time(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _check_schema(self, resource: str, new: Object) -> None:
        if resource == "dynamoworkermetadatas":
            spec = new.get("spec")
            if not isinstance(spec, dict) or not isinstance(spec.get("data"), dict):
                raise ApiProblem(422, "Invalid", "spec.data: Invalid value: must be an object")


def _key(resource: str, raw: Object | None) -> Key:
    metadata = {} if raw is None else raw["metadata"]
    return resource, metadata.get("namespace", ""), metadata["name"]


def _applied_by(entry: Object, manager: str) -> bool:
    return (entry["manager"], entry["operation"]) == (manager, "Apply")


def _managed(raw: Object) -> list[Object]:
    found: list[Object] = raw["metadata"].get("managedFields", [])
    return found


def _check(key: Key, old: Object, uid: Any, version: Any) -> None:
    for wanted, name in ((uid, "uid"), (version, "resourceVersion")):
        if wanted and wanted != old["metadata"][name]:
            raise ApiProblem(
                409,
                "Conflict",
                f'Operation cannot be fulfilled on {key[0]} "{key[2]}": the {name} in the '
                f"precondition ({wanted}) does not match the one in record",
            )


def _patched(document: Object, operations: list[Object]) -> Object:
    for one in operations:
        path = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        place: Any = document
        try:
            for part in path[:-1]:
                place = place[part]
            if one["op"] == "add":
                place[path[-1]] = one["value"]
                continue
            there = place[path[-1]]
        except (KeyError, TypeError):
            raise ApiProblem(422, "Invalid", f"doc is missing path: {one['path']}") from None
        if one["op"] == "test" and there != one["value"]:
            raise ApiProblem(422, "Invalid", f"testing value {one['path']} failed: test failed")
        if one["op"] == "remove":
            del place[path[-1]]
    return document
