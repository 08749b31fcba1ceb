"""The clients that want to be told when a job has ended, called like a vendor."""
