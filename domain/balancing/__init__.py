"""One service, several instances: who gets the next call, who is left out, and how often a call may be made again."""
