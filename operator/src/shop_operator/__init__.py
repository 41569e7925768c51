"""The operator: keeps what Shop and ShopConsumer resources ask for. It imports nothing of the services."""
