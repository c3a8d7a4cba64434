"""IAM Identity Center: signing in, its token files, and the roles behind it."""
