"""Minting bearer tokens: presigning, ExecCredential, the exec plugin."""
