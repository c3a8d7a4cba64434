"""The keys of each kind of identity."""

from __future__ import annotations

from eksauth.credentials.config.keys import Command, Either, Key, Listing, Section, Table, Variables
from eksauth.credentials.config.provider_keys import ENDPOINT
from eksauth.credentials.config.shapes import (
    ACCESS_KEY_ID,
    EXTERNAL_ID,
    MFA,
    POLICY_ARN,
    PROFILE_ARN,
    REGION,
    ROLE_ARN,
    ROOT_TASK_ARN,
    SESSION_WORD,
    TRUST_ANCHOR_ARN,
    Account,
    Duration,
    Flag,
    Text,
)

_TEXT = Text()
_REGION = Key("region", REGION, "Region of the calls to AWS, and of what runs as this identity")
_SESSION = (Key("session_name", _TEXT, "Name of the session, seen in CloudTrail", default="eksauth and your name"),)
_DECIDED = "how long this kind's sessions last is decided elsewhere"
_PRINCIPAL = "What the identity becomes"


def _session(duration: Duration, *, unused: str | None = None) -> Key:
    key = Key("duration", duration, "How long a session lasts: 3600, 1h30m or 2d")
    return Key("session", Section((key,)), "How long sessions last", unused=unused)


def _via(*names: str) -> Key:
    keys = {
        "provider": Key("provider", _TEXT, "Name of the provider that it starts from"),
        "identity": Key("identity", _TEXT, "Name of the identity that it starts from"),
    }
    return Key("via", Section(tuple(keys[name] for name in names)), "Where its credentials start")


def _identity(*keys: Key) -> Section:
    return Section(
        (
            Key("kind", _TEXT, "What kind of identity this is", required=True),
            *keys,
            Key("default", Flag(), "Whether it is taken when none is named", default="false"),
            Key("alias", Listing(), "Another name, or other names, to select it by"),
            Key("env", Variables(), "Variables for programs that are started as this identity"),
            Key("tags", Listing(), "Labels to find it by"),
            Key("spec", Section(ENDPOINT), "Details"),
            Key(
                "required",
                Flag(),
                "Whether Atmos signs in to it before Terraform",
                unused="eksauth signs in to what is asked for",
            ),
        )
    )


_PROVIDED = Key("provider", _TEXT, "The same as via.provider, as identities found by signing in are written")

_ROLE = (
    Key("assume_role", ROLE_ARN, "ARN of the role", required=True),
    *_SESSION,
    Key("external_id", EXTERNAL_ID, "External id that the trust policy asks for"),
    Key("duration", Duration(900, 43200), "How long a session lasts: 3600, 1h30m", default="1h"),
    Key("tags", Table(Text(lines=False)), "Session tags"),
    Key("transitive_tags", Listing(), "Keys of session tags that follow into further roles"),
    Key("source_identity", SESSION_WORD, "Source identity, which further roles keep"),
    Key("policy", Text(lines=True), "Inline session policy, as JSON"),
    Key("policy_arns", Listing(POLICY_ARN), "Managed session policies, at most ten"),
    Key("mfa_serial", MFA, "MFA device whose code goes with the call"),
    Key("mfa_process", Command(), "Program that prints the MFA code"),
    _REGION,
)

_SELF_CONTAINED = _identity(Key("principal", Section((_REGION,)), _PRINCIPAL), _session(Duration(), unused=_DECIDED))

IDENTITIES: dict[str, Section] = {
    "aws/permission-set": _identity(
        _via("provider"),
        _PROVIDED,
        Key(
            "principal",
            Section(
                (
                    Key("name", _TEXT, "Name of the permission set", required=True),
                    Key(
                        "account",
                        Either(
                            _TEXT,
                            Section(
                                (
                                    Key("id", Account(), "Account id, twelve digits in quotes"),
                                    Key("name", _TEXT, "Name of the account; id decides when both are there"),
                                )
                            ),
                        ),
                        "The account, as {id: …} or {name: …}, or either of them alone",
                        required=True,
                    ),
                    _REGION,
                )
            ),
            _PRINCIPAL,
            required=True,
        ),
        _session(Duration(), unused="the permission set decides how long its sessions last"),
    ),
    "aws/assume-role": _identity(
        _via("provider", "identity"),
        _PROVIDED,
        Key("principal", Section(_ROLE), _PRINCIPAL, required=True),
        _session(Duration(900, 43200)),
    ),
    "aws/assume-root": _identity(
        _via("provider", "identity"),
        _PROVIDED,
        Key(
            "principal",
            Section(
                (
                    Key("target_principal", Account(), "The member account, twelve digits in quotes", required=True),
                    Key("task_policy_arn", ROOT_TASK_ARN, "Policy of the root task", required=True),
                    Key("duration", Duration(1, 900), "How long a session lasts, at most 15m", default="15m"),
                    _REGION,
                )
            ),
            _PRINCIPAL,
            required=True,
        ),
        _session(Duration(1, 900)),
    ),
    "aws/user": _identity(
        Key(
            "credentials",
            Section(
                (
                    Key("access_key_id", ACCESS_KEY_ID, "Access key id; without keys the keyring has them"),
                    Key("secret_access_key", _TEXT, "Secret access key", secret=True),
                    Key("mfa_arn", MFA, "MFA device whose code is asked for"),
                    Key("mfa_process", Command(), "Program that prints the MFA code"),
                    _REGION,
                    Key(
                        "webflow_enabled",
                        Flag(),
                        "Whether Atmos signs in with a browser when there are no keys",
                        unused="keys come from here or from the keyring",
                    ),
                )
            ),
            "The user's keys",
        ),
        Key("principal", Section((_REGION,)), _PRINCIPAL),
        _session(Duration(900, 129600)),
    ),
    "aws/ambient": _SELF_CONTAINED,
    "aws/profile": _identity(
        Key(
            "principal",
            Section((Key("profile", _TEXT, "Name of the profile in the AWS files", required=True), _REGION)),
            _PRINCIPAL,
            required=True,
        ),
        _session(Duration(), unused=_DECIDED),
    ),
    "aws/roles-anywhere": _identity(
        Key(
            "principal",
            Section(
                (
                    Key("assume_role", ROLE_ARN, "ARN of the role", required=True),
                    Key("certificate", _TEXT, "File with the certificate and its chain, PEM", required=True),
                    Key("private_key", _TEXT, "File with the private key, PEM", required=True),
                    Key("trust_anchor_arn", TRUST_ANCHOR_ARN, "ARN of the trust anchor", required=True),
                    Key("profile_arn", PROFILE_ARN, "ARN of the Roles Anywhere profile", required=True),
                    *_SESSION,
                    Key("duration", Duration(900, 43200), "How long a session lasts: 3600, 1h30m", default="1h"),
                    _REGION,
                )
            ),
            _PRINCIPAL,
            required=True,
        ),
        _session(Duration(900, 43200)),
    ),
    "aws/pod-identity": _SELF_CONTAINED,
    "aws/container": _SELF_CONTAINED,
    "aws/imds": _SELF_CONTAINED,
}
"""Kind (after aliases) -> its keys."""
