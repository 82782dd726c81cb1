"""Drain, unregister and restore keys. Each removal names the revision that was seen, and is in the
audit first.

Import from the modules: `removals` (remove and restore), `removal_targets` (the records to remove,
and whether that is a drain), `outcomes` (the outcome for each key), `drain_plan` (the keys of a
drain), `audit` (the file of removals), `audit_drains` (drains in that file), `explainer` (why a key
went).
"""
