"""Who may come in: people with accounts, their sessions, machines with keys, and the record of what they did."""
