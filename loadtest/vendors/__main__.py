"""`python -m loadtest.vendors [--host H] [--port P] [--secret whsec_…]`."""

import argparse
import os

from loadtest.vendors.app import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m loadtest.vendors", description="Run the simulated vendors.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    told = os.environ.get("GATEWAY_DEMO_WEBHOOK_SECRET", "whsec_c2ltdWxhdGVk")
    parser.add_argument("--secret", default=told, help="what webhooks are signed with; default as in the environment")
    wishes = parser.parse_args()
    main(wishes.host, wishes.port, wishes.secret)
