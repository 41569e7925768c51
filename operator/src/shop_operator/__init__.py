"""The operator: keeps what Shop and ShopConsumer resources ask for. Of ours it imports shop_runtime only."""
