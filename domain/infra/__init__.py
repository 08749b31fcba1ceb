"""The stores: the only place that imports Beanie, PyMongo, Redis and limits."""
