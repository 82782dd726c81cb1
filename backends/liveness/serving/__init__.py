"""Serving: whether a request can reach each card's worker, and how each model is served. Pure.

`Serving` is kept up to date with instances and cards, and answers. Its parts: `card_routings` keeps
each card's routing, `model_serving` counts from them.
"""

from backends.liveness.serving.model_serving import Serving
from backends.liveness.serving.worker_endpoints import place_of

__all__ = ["Serving", "place_of"]
