"""The stores: the only place that imports Beanie, PyMongo and Redis."""
