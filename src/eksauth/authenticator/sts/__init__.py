"""Asking STS who signed a token: the client, its limits, its answers."""
