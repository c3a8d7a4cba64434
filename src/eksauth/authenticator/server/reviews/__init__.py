"""The questions of API servers and their answers."""
