"""Kubernetes for tests.

`standin` is an API server in this process that makes faults on demand; `object_store` and
`field_sets` are what it keeps.
"""
