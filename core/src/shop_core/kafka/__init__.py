"""The only package that knows the Kafka clients: writing (`publisher`), reading (`group_consumer`) and `topics`."""
