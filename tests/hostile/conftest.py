from tests.cli.conftest import here, in_etcd, state

__all__ = ["here", "in_etcd", "state"]
