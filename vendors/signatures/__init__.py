"""How vendors sign their webhooks, one module a scheme; `schemes` names them for the tables."""
