"""The command line of the platform: one module a subcommand, and the parts that `up` is made of."""
