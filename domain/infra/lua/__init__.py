"""The scripts that Redis runs; each says at its head what it takes and answers."""
