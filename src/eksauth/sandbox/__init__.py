"""The chain on loopback, with no AWS account."""
