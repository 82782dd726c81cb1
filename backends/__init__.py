"""Dynamo's discovery plane as a Python library: stores, records, discovery.

Nothing in this package imports Textual or `tui`; it can be used from a plain script.
Importing the package imports no store's client library: those are imported by the
store's own module, and only when that module is imported.
"""
