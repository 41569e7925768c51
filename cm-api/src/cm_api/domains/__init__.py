"""One package a domain, with the same file names in each. They don't import each other."""
