"""Active evidence: asks a registered address itself, gently, whether anybody is there.

No probe ever sends a request to a model.
"""
