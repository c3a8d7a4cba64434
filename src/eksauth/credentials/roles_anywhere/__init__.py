"""IAM Roles Anywhere: an X.509 certificate becomes a role session."""
