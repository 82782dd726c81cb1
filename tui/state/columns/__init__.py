"""Columns that several tabs have, and which of its columns a tab shows.

`of_records` (state, age), `of_owners` (the pod of a record, in Kubernetes), `of_processes` (role,
host, release of what registered it). `chosen` has what is shown and sorted by, `choice` the same
while it is chosen. `tui.state.column` has what a column is.
"""
