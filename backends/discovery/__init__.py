"""What is registered: `Discovery` reads and follows a store, `Cluster` holds the records.

Import from the modules: `discovery` (list, watch, register), `cluster` (the records, by worker and
model), `record_index` (records by key and scope), `models` and `model_index` (cards grouped into
models), `lease_ttl` (times to live, and whether a lease is `late`), `history` (events), `causes`
(events by their cause), `tombstones` (removed records), `reasons` (why they were removed),
`owner_changes` (changes of an object's owner), `past_records` (records of an earlier revision, and
what changed since), `earlier_events` (what happened before the start). Internal: `lease_aliases`.
"""
