from tests.cli.conftest import etcd, etcd_of_all_tests, here, in_etcd, state

__all__ = ["etcd", "etcd_of_all_tests", "here", "in_etcd", "state"]
