"""The store in a folder, in Dynamo's own layout (`DYN_FILE_KV`).

`FileStore` is the store. Internal modules: `watch` (following the folder), `diff` (from files to
events), `folder` (listing, reading, writing, removing), `names` (key and file name), `safe_open`
(opening without symlinks), `fs_events` (change notifications), `file_identity` (inode and birth
time).
"""

from backends.file.store import FileStore

__all__ = ["FileStore"]
