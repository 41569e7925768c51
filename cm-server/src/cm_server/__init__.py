"""HTTP in: requests become events in Kafka; queries are passed on to cm-api; the page is served from here."""
