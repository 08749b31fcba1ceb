"""What both HTTP servers owe every client: request ids, problems, capped bodies, health. Knows no route of theirs."""
