"""The server side: judge a token, name its identity, map it, answer TokenReviews."""
