"""What both HTTP services have: the app, its middleware, problem documents, and gunicorn's settings."""
