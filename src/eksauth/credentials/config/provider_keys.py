"""The keys of each kind of provider."""

from __future__ import annotations

from eksauth.credentials.config.keys import Anything, Command, Key, Listing, Section
from eksauth.credentials.config.shapes import REGION, VARIABLE, Choice, Duration, Flag, Port, Text, Url

DEFAULT_AUDIENCE = "sts.amazonaws.com"
_TEXT = Text()

ENDPOINT = (
    Key("endpoint_url", Url(), "Base address of an emulator, for calls to AWS"),
    Key(
        "aws",
        Section(
            (
                Key(
                    "resolver",
                    Section((Key("url", Url(), "The same as spec.endpoint_url, as older files write it"),)),
                    "Older form of spec.endpoint_url",
                ),
            )
        ),
        "Older form of spec.endpoint_url",
    ),
)
_FILES = Key("files", Anything(), "Where Atmos keeps its files", unused="credentials are kept in eksauth's own cache")
SESSION = Key(
    "session",
    Section((Key("duration", Duration(900, 43200, clamped=True), "How long a session lasts: 3600, 1h30m"),)),
    "How long sessions last",
)
_NO_SESSION = Key(
    "session",
    Section((Key("duration", Duration(), "How long a session lasts"),)),
    "How long sessions last",
    unused="the portal decides how long its sessions last",
)


def _provider(*keys: Key, spec: tuple[Key, ...] = ()) -> Section:
    return Section(
        (
            Key("kind", _TEXT, "What kind of provider this is", required=True),
            *keys,
            Key(
                "console",
                Section(
                    (
                        Key(
                            "session_duration",
                            Duration(900, 43200, clamped=True),
                            "How long a console session lasts, at most 12h",
                        ),
                    )
                ),
                "The AWS console",
            ),
            Key("spec", Section((*spec, *ENDPOINT, _FILES)), "Details"),
            Key(
                "default",
                Flag(),
                "Whether it is taken when a provider is to sign in and none is named",
                default="false",
            ),
            Key("tags", Listing(), "Labels to find it by"),
        )
    )


_AUDIENCE = Key("audience", _TEXT, "Audience of the token", default=DEFAULT_AUDIENCE)
_NO_BROWSER = "eksauth opens your own browser, or takes an assertion from spec.assertion"

PROVIDERS: dict[str, Section] = {
    "aws/iam-identity-center": _provider(
        Key("start_url", Url(), "Address of the access portal, such as https://acme.awsapps.com/start", required=True),
        Key("region", REGION, "Region of IAM Identity Center", required=True),
        Key(
            "auto_provision_identities",
            Flag(),
            "Whether signing in adds an identity for each account and permission set",
            default="false",
        ),
        _NO_SESSION,
        spec=(
            Key("flow", Choice(("auto", "device", "pkce")), "How to sign in", default="auto"),
            Key("scopes", Listing(), "Scopes to ask for", default="sso:account:access"),
            Key("session_name", _TEXT, "Name of the sso-session that the AWS CLI shares with it"),
        ),
    ),
    "aws/saml": _provider(
        Key("url", Url(), "Address of the identity provider's sign-in page"),
        Key("region", REGION, "Region of STS", required=True),
        Key("username", _TEXT, "Name to sign in with", unused=_NO_BROWSER),
        Key("password", Text(lines=True), "Password to sign in with", unused=_NO_BROWSER, secret=True),
        Key("driver", _TEXT, "How Atmos signs in", unused=_NO_BROWSER),
        Key("provider_type", _TEXT, "Older name of driver", unused=_NO_BROWSER),
        Key("download_browser_driver", Flag(), "Whether Atmos fetches a browser", unused=_NO_BROWSER),
        Key("browser_type", _TEXT, "Which browser Atmos drives", unused=_NO_BROWSER),
        Key("browser_executable_path", _TEXT, "Where that browser is", unused=_NO_BROWSER),
        SESSION,
        spec=(
            Key(
                "assertion",
                Section(
                    (
                        Key("file", _TEXT, "File with the SAML response"),
                        Key("command", Command(), "Program that prints the SAML response"),
                        Key("port", Port(), "Port of the loopback page that the browser posts to", default="0"),
                    )
                ),
                "Where the assertion comes from, when not from a browser",
            ),
        ),
    ),
    "github/oidc": _provider(
        Key("region", REGION, "Region of STS"),
        SESSION,
        spec=(_AUDIENCE,),
    ),
    "oidc/token": _provider(
        Key("region", REGION, "Region of STS"),
        SESSION,
        spec=(
            _AUDIENCE,
            Key(
                "token",
                Section(
                    (
                        Key("file", _TEXT, "File with the token"),
                        Key("env", VARIABLE, "Variable with the token"),
                        Key("command", Command(), "Program that prints the token"),
                    )
                ),
                "Where the token comes from: exactly one of file, env and command",
                required=True,
            ),
        ),
    ),
}
"""Kind -> its keys."""
