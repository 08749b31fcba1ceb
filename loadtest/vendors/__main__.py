"""`python -m loadtest.vendors [--host H] [--port P] [--secret whsec_…] [--stripe-webhook URL] [--stripe-secret S]`."""

import argparse
import os

from loadtest.stripe.webhooks import Endpoint
from loadtest.vendors.app import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m loadtest.vendors", description="Run the simulated vendors.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8900)
    told = os.environ.get("GATEWAY_DEMO_WEBHOOK_SECRET", "whsec_c2ltdWxhdGVk")
    parser.add_argument("--secret", default=told, help="what webhooks are signed with; default as in the environment")
    told = os.environ.get("DEMO_STRIPE_WEBHOOK_URL", "")
    parser.add_argument("--stripe-webhook", default=told, help="where the simulated Stripe posts its events")
    told = os.environ.get("STRIPE_WEBHOOK_SECRET", "whsec_c2ltdWxhdGVk")
    parser.add_argument("--stripe-secret", default=told, help="what it signs them with; both as in the environment")
    wishes = parser.parse_args()
    stripe = (Endpoint(wishes.stripe_webhook, wishes.stripe_secret),) if wishes.stripe_webhook else ()
    main(wishes.host, wishes.port, wishes.secret, stripe)
