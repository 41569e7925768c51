"""What every process of ours has, the operator too. It knows no domain, no client, and nothing else of ours."""
