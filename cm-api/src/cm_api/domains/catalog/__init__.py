"""The catalog as read models: products with their exact ratings, and the reviews that these come from."""
