"""The shop in MongoDB and on disk."""
