"""The shop: products, orders, and what follows of them, each as values and functions from one to the next."""
