"""The messages of etcd's API that dyntop uses: `etcd.proto`, and what is generated from it."""
