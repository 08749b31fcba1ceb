"""The worker: claims jobs, calls vendors, writes down what came of it. Alone to know how often a job may be tried."""
