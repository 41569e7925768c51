"""One module a domain: its routes, what they parse, and its row of operations."""
