"""Whether what is registered is alive: evidence, verdicts, and how they are kept up to date.

Import from the modules: `judge` weighs one record, `tracker` keeps the verdicts of a cluster,
`collector` supplies them with evidence.
"""
