"""Events in, read models out: the consumers that apply Kafka's events to MongoDB, and the API that answers queries."""
