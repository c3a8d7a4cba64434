"""Becoming an identity: chains of steps from a provider or plain keys to AWS credentials."""
