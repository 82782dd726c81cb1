from __future__ import annotations

from tests.etcd.conftest import etcd, open_store

__all__ = ["etcd", "open_store"]
