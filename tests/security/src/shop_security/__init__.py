"""The score of `make security`: what is checked, what the tests of a run say about it, and how that is shown."""
