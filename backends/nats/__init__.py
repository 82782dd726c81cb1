"""One connection to NATS, for the KV store, the services and the taps.

Modules: `config` (settings, as Dynamo names them), `check` (whether these can work), `connection`
(one connection, made on demand), `requests` (requests with deadlines), `scatter_gather` (one
question to many services), `errors` (every foreign error becomes a StoreError), `client` (the
library, mended). Only connecting imports the library.
"""
