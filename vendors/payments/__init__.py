"""Payments of orders: checkouts, their withdrawals and their refunds, as jobs, at a processor behind a port."""
