"""Drain, unregister and restore: each removal names the revision it saw, and is written down first.

Import from the modules: `removals` (remove and put back), `targets` (what is to be removed, and
whether that is a drain), `outcomes` (what came of each key), `drain` (which keys a drain takes),
`audit` (the file of what was removed), `explainer` (why a key went).
"""
