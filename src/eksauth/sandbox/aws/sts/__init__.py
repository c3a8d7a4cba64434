"""The STS API: who am I, and other identities for a while; a file for each operation."""
