"""The keys of the ``auth`` section around its items: keyring, console, integrations, guards."""

from __future__ import annotations

from typing import Literal

from eksauth.credentials.config.keys import Anything, Key, Listing, Section
from eksauth.credentials.config.shapes import (
    CLUSTER,
    REALM,
    REGION,
    VARIABLE,
    Choice,
    Duration,
    FileMode,
    Flag,
    Text,
)

_TEXT = Text()
KEYRING_KINDS: tuple[Literal["auto", "system", "file", "memory"], ...] = ("auto", "system", "file", "memory")

KEYRING = Section(
    (
        Key("type", Choice(KEYRING_KINDS), "Where secrets are kept", default="auto"),
        Key(
            "spec",
            Section(
                (
                    Key("path", _TEXT, "Directory of the file keyring"),
                    Key(
                        "password_env",
                        VARIABLE,
                        "Variable with the file keyring's password",
                        default="EKSAUTH_KEYRING_PASSWORD",
                    ),
                )
            ),
            "Details",
        ),
    )
)

CONSOLE = Section(
    (
        Key("isolated", Flag(), "Whether each identity's console has a browser profile of its own", default="false"),
        Key("isolated_sessions", Flag(), "Another name of isolated; isolated wins"),
    )
)

LOGS = Section(
    (
        Key("level", _TEXT, "How much Atmos logs", unused="--debug is eksauth's way to say more"),
        Key("file", _TEXT, "Where Atmos logs to", unused="eksauth speaks on standard error"),
    )
)

INTEGRATION = Section(
    (
        Key("kind", _TEXT, "What kind of integration this is: aws/eks", required=True),
        Key(
            "via",
            Section(
                (
                    Key("identity", _TEXT, "Name of the identity whose sign-in writes the entries"),
                    Key("provider", _TEXT, "Name of the provider whose sign-in writes the entries"),
                )
            ),
            "What it follows: exactly one of identity and provider",
            required=True,
        ),
        Key(
            "spec",
            Section(
                (
                    Key("auto_provision", Flag(), "Whether signing in writes the entries", default="true"),
                    Key(
                        "cross_account",
                        Flag(),
                        "Whether the identity is of another account than the cluster on purpose",
                        default="false",
                    ),
                    Key("describe_as", _TEXT, "Identity that asks EKS about the cluster", default="via.identity"),
                    Key(
                        "cluster",
                        Section(
                            (
                                Key("name", CLUSTER, "Name of the cluster", required=True),
                                Key("region", REGION, "Region of the cluster", required=True),
                                Key("alias", _TEXT, "Name of the context, or a template", default="the cluster's ARN"),
                                Key("namespace", _TEXT, "Namespace of the context"),
                                Key(
                                    "kubeconfig",
                                    Section(
                                        (
                                            Key("path", _TEXT, "The kubeconfig file", default="where kubectl looks"),
                                            Key("mode", FileMode(), "Mode of a file that is made", default='"0600"'),
                                            Key(
                                                "update",
                                                Choice(("merge", "replace", "error")),
                                                "What to do with entries that are there already",
                                                default="merge",
                                            ),
                                            Key(
                                                "set_current_context",
                                                Flag(),
                                                "Whether the new context becomes the current one",
                                                default="true",
                                            ),
                                        )
                                    ),
                                    "The file that the entries go to",
                                ),
                            )
                        ),
                        "The cluster",
                        required=True,
                    ),
                )
            ),
            "Details",
            required=True,
        ),
    )
)

GUARD = Section(
    (
        Key("identities", Listing(), "Shell patterns of identity names that it guards"),
        Key("clusters", Listing(), "Shell patterns of cluster names or ARNs that it guards"),
        Key("require_reason", Flag(), "Whether signing in needs --reason", default="false"),
        Key("confirm", Flag(), "Whether signing in needs a yes", default="false"),
        Key(
            "require_audit", Flag(), "Whether tokens are refused when the audit log cannot be written", default="false"
        ),
        Key("max_session", Duration(), "How long one sign-in may last, renewals included"),
    )
)

AUTH = Section(
    (
        Key("realm", REALM, "Namespace that keeps caches and secrets of this configuration apart"),
        Key("logs", LOGS, "Logging of Atmos"),
        Key("keyring", KEYRING, "Where secrets are kept"),
        Key("console", CONSOLE, "The AWS console"),
        Key("providers", Anything(), "What you sign in to, by name"),
        Key("identities", Anything(), "Who you can be, by name"),
        Key("integrations", Anything(), "What follows signing in, by name"),
        Key("guards", Anything(), "Demands on signing in and on tokens, by name"),
    )
)
"""The whole section; the items of the last four have tables of their own."""
