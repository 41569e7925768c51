"""What is decided and said, from values alone: no client, no clock, no state."""
