"""What a token must be before anybody asks STS: ordered rules, each with its reason code."""
