"""One loop a resource: compare what is asked for with what is there, apply, and say what came of it."""
