"""The answer of a ``credential_process``, in the format that all AWS SDKs share (version 1)."""

from __future__ import annotations

import json

from eksauth.credentials.identities.authenticate import Session
from eksauth.token.bearer import utc_text


def process_document(session: Session) -> str:
    """Return the JSON text; without ``Expiration`` SDKs take the keys for permanent."""
    credentials = session.credentials
    document: dict[str, str | int] = {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
    }
    if credentials.session_token:
        document["SessionToken"] = credentials.session_token
    if credentials.expires_at is not None:
        document["Expiration"] = utc_text(int(credentials.expires_at))
    if session.account:
        document["AccountId"] = session.account
    return json.dumps(document) + "\n"
