"""How fast eksauth is next to an empty interpreter and next to its peers: ``python -m benchmarks``."""
