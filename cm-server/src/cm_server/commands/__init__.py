"""What every command has in common: identity, Idempotency-Key, Prefer, publish, batches."""
