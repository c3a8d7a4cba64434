"""OIDC web identity: tokens of CI systems and other issuers, and what STS gives for them."""
