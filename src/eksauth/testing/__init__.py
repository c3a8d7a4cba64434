"""The sandbox as pytest fixtures."""
