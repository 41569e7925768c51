"""Settings from the environment, and files that change while a process runs."""
