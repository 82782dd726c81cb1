"""The store in JetStream's KV buckets.

`store.NatsStore` is the store. Internal modules: `watch` (all buckets), `ordered_consumer` (one
bucket), `bucket_state` (one bucket's keys), `past` (what is left of before), `bucket_past` (what
one bucket proves of it), `delete` (removing and restoring), `jetstream` (the API's calls),
`responses` (the API's answers), `names` (key and subject), `sessions` (the store's connection). The
connection itself is in `backends.nats`.
"""
