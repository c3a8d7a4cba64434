"""IAM Identity Center of the sandbox: OIDC, the access portal's API, and the pages that people click through."""
