"""The store in a folder, in Dynamo's own layout (`DYN_FILE_KV`)."""

from backends.file.store import FileStore

__all__ = ["FileStore"]
