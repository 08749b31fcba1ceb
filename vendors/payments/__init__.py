"""Payments as jobs: customers, pages to pay on, tries, refunds and looks, and how they are done at Stripe."""
