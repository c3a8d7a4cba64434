"""Secrets at rest: a desktop keyring or an encrypted file, never silently nowhere."""
