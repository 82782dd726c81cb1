"""Columns that several tabs have.

`chosen` has which of a tab's columns are shown. `of_records` (state, age), `of_owners` (the pod of
a record, in Kubernetes), `of_processes` (role,
host, release of what registered it). `tui.state.column` has what a column is.
"""
