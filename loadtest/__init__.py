"""What stands opposite the gateway when it is measured: simulated vendors, and simulated clients."""
