"""NATS: how to reach it, in Dynamo's own settings, and JetStream's KV buckets as a store.

Imports the client library when it connects.
"""

from backends.nats.config import NatsConfig
from backends.nats.store import NatsStore

__all__ = ["NatsConfig", "NatsStore"]
