"""Programs, shells and browsers as an identity."""
