"""How often each caller may use each route."""
