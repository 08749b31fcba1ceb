"""
Simulated vendors: one HTTP server that answers as they would, misbehaves on demand, and keeps a ledger.

A vendor is one module and one line in `registry.py`; being slow, cut off or asked twice
(`misbehaviour.py`, `idempotency.py`, `ledger.py`) is the same for all of them.
"""
