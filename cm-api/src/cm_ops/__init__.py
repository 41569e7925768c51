"""How the platform does: what came in and what became of it, what waits and who reads it. It changes nothing."""
