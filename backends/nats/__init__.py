"""NATS: how to reach it, in Dynamo's own settings, and JetStream's KV buckets as a store.

`config.py` alone is for whoever has settings; the client library is imported when one connects.
"""
