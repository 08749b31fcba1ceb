"""
A simulated Stripe: its API as the official SDK speaks it, its pages, its webhooks, its rules, on one machine.

A call goes `desk` (faults on command, the ledger) → `front` (key, version, idempotency) → `routes` → the
operation of its subject (`intents`, `refunds`, `sessions`, …), which changes the one `account` and speaks of it by
`events`. `docs/simulated-stripe.md` says what it does and what it does not.
"""
