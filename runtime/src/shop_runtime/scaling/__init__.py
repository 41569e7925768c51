"""How many pods a consumer needs: the arithmetic that the operator decides by and that shopctl replays. Pure."""
