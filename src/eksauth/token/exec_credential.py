"""The ExecCredential protocol: which version kubectl asks for, and the text it gets.

https://kubernetes.io/docs/reference/config-api/client-authentication.v1/. The answer must have the version of the
question. Every field that is written here has an alphabet without quotes or control characters, so no JSON encoder is
needed (kubectl waits for this module).
"""

GROUP = "client.authentication.k8s.io/"
V1 = GROUP + "v1"
V1BETA1 = GROUP + "v1beta1"
DEFAULT_VERSION = V1BETA1
"""What ``aws eks get-token`` answers when nobody asks for a version."""
AWS_SESSION_NAME = "EKSGetTokenAuth"
"""The role session name of ``aws eks get-token``; mappings with ``{{SessionName}}`` may rely on it in its drop-in."""

_COMMON = {
    f'{{"kind":"ExecCredential","apiVersion":"{version}","spec":{{"interactive":{flag}}}}}': version
    for version in (V1, V1BETA1)
    for flag in ("true", "false")
}


def common_version(exec_info: str | None) -> str | None:
    """Return the version for the texts that kubectl sends byte for byte, or None when only a parser can tell."""
    if not exec_info:
        return DEFAULT_VERSION
    return _COMMON.get(exec_info.rstrip("\n"))


def exec_credential(token: str, expiry: str, api_version: str, *, indented: bool = False) -> str:
    """Return the ExecCredential, one line with its line end, or laid out as the AWS CLI does.

    :param expiry: UTC, ``YYYY-MM-DDTHH:MM:SSZ``.
    """
    if indented:
        return (
            f'{{\n    "kind": "ExecCredential",\n    "apiVersion": "{api_version}",\n    "spec": {{}},\n'
            f'    "status": {{\n        "expirationTimestamp": "{expiry}",\n        "token": "{token}"\n    }}\n}}\n\n'
        )
    return (
        f'{{"kind":"ExecCredential","apiVersion":"{api_version}","spec":{{}},'
        f'"status":{{"expirationTimestamp":"{expiry}","token":"{token}"}}}}\n'
    )
