"""The only room that knows the Kafka client: writing (`publisher`), reading (`reader`) and topics (`admin`)."""
