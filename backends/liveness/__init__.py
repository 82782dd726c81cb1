"""Liveness: evidence, verdicts, and how they are kept up to date.

Import from the modules: `judge` weighs one record, `tracker` keeps the verdicts of a cluster,
`collector` supplies it with evidence, `serving` finds how models are served.
"""
