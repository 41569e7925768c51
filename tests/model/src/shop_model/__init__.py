"""The documented rules of the shop's domains as plain Python, which imports nothing of the shop's."""
