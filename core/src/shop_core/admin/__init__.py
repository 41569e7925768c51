"""What an administrator of the servers runs: Kafka's users and ACLs, MongoDB's users and roles, as tables."""
