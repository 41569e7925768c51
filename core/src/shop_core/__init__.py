"""What the services share: the published language, and the doors to Kafka, MongoDB, HTTP and telemetry."""
