"""What Dynamo writes: keys, values and names, as in its releases 0.5 to 1.6.

Import from the modules: `parse` (bytes to records), `registration` (records to bytes), `keys` and
`ids` (the parts of a key), `records`, `queries` (which keys to ask for), `naming` (slugs,
subjects), `card_checksum` (which cards must be equal), `roles` (workers, frontends, routers),
`releases` (which releases may have written records),
`lookup` (find the records that an id or another text refers to), `object_ids` (the instance id of
an object's name in Kubernetes), `releases` (which releases write such records), `fast_bodies`
(usual values, decoded), `field_changes` (which fields of two values differ).
Internal: `json_values`, `full_parse`, `body_parts`, `schemas` and `card_split`.
"""
