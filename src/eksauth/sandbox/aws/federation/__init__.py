"""Identity providers that STS trusts: OpenID Connect issuers and SAML providers, as registered in IAM."""
