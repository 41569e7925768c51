"""How the platform does: what came in, what became of it, what waits, who reads; and the desk for dead letters."""
