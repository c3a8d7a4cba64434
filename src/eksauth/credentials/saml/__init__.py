"""SAML: where an assertion comes from, which roles it offers, and what STS gives for it."""
