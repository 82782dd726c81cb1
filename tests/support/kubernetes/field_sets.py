"""Kubernetes' bookkeeping of who wrote which field, as far as server-side apply needs it here.

Maps are granular, lists are not, apart from owner references, which are told apart by uid.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]
FieldSet = dict[str, Any]
"""As `fieldsV1`: `f:name` to the fields within. Empty: all of it."""

NOT_MANAGED = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"}
    | {"managedFields", "deletionTimestamp"}
)


def fields_of(applied: Object) -> FieldSet:
    """Return the fields that an applied object names."""
    found = {f"f:{name}": _within(value) for name, value in applied.items()}
    found.pop("f:apiVersion", None)
    found.pop("f:kind", None)
    metadata = {
        name: value for name, value in applied["metadata"].items() if name not in NOT_MANAGED
    }
    found["f:metadata"] = {f"f:{name}": _within(value) for name, value in metadata.items()}
    return found


def applied_to(
    current: Object, applied: Object, before: FieldSet, others: Iterable[FieldSet]
) -> Object:
    """Return an object after an apply. `before` is what this manager had applied, `others` what
    other managers own: what it leaves out now goes, unless another owns it."""
    result = copy.deepcopy(current)
    _prune(result, before, fields_of(applied), list(others))
    return _merged(result, applied)


def changed_fields(old: Object, new: Object) -> FieldSet:
    """Return the fields that an update or patch changed, or removed."""
    found: FieldSet = {}
    for name in old.keys() | new.keys():
        if name in NOT_MANAGED or old.get(name) == new.get(name):
            continue
        before, now = old.get(name), new.get(name)
        both = isinstance(before, dict) and isinstance(now, dict)
        found[f"f:{name}"] = changed_fields(before or {}, now or {}) if both else {}
    return found


def present(fields: FieldSet, there: Object) -> FieldSet:
    """Return those of the fields that an object has: what was removed is owned by none."""
    found: FieldSet = {}
    for name, within in fields.items():
        value = there.get(name.removeprefix("f:"), ...)
        if not within and value is not ...:
            found[name] = {}
        elif isinstance(value, dict) and (inner := present(within, value)):
            found[name] = inner
    return found


def without(fields: FieldSet, taken: FieldSet) -> FieldSet:
    """Return the fields that are left to a manager after another changed some."""
    left: FieldSet = {}
    for name, within in fields.items():
        if name not in taken:
            left[name] = within
        elif within and taken[name] and (rest := without(within, taken[name])):
            left[name] = rest
    return left


def _within(value: object) -> FieldSet:
    if not isinstance(value, dict):
        return {}
    return {f"f:{name}": _within(one) for name, one in value.items()}


def _merged(current: Object, applied: Object) -> Object:
    result = dict(current)
    for name, value in applied.items():
        there = result.get(name)
        if isinstance(value, dict) and isinstance(there, dict):
            result[name] = _merged(there, value)
        else:
            result[name] = copy.deepcopy(value)
    return result


def _prune(target: Object, before: FieldSet, now: FieldSet, others: list[FieldSet]) -> None:
    for name, within in before.items():
        member = name.removeprefix("f:")
        if member not in target:
            continue
        there = target[member]
        rest = [one[name] for one in others if name in one]
        if name in now:
            if isinstance(there, dict):
                _prune(there, within, now[name], rest)
        elif not rest:
            del target[member]
        elif isinstance(there, dict):
            _prune(there, within, {}, rest)
