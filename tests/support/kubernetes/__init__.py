"""Kubernetes for tests.

A real API server with real controllers, and real Dynamo workers on it: `program` builds and finds
the server, `servers` runs its processes, `api` speaks to it, `cluster` is all of it together,
`namespace` makes the objects of one test, `dynamo` starts workers.

`standin` is an API server in this process that makes faults on demand; `object_store` and
`field_sets` are what it keeps.
"""
