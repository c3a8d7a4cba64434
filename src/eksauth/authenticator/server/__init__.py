"""The webhook as a process: TokenReview over HTTPS, cached judgements, metrics, logs, certificates."""
