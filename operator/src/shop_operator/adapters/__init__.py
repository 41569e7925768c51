"""The only packages that talk to others: the API server, Kafka, and the services' APIs."""
