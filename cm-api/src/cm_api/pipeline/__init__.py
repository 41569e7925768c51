"""From Kafka to MongoDB: consume, apply in one transaction, relay, rebuild."""
