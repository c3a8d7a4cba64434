"""Filling in ``{{…}}`` in user names and groups: the same names, order and sequential replacement as the reference."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from eksauth.authenticator.identity import Identity
from eksauth.errors import AwsError, EksauthError, Refused

PRIVATE_DNS_NAME = "{{EC2PrivateDNSName}}"
NAMES = ("EC2PrivateDNSName", "AccountID", "SessionName", "SessionNameRaw", "AccessKeyID")
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class TemplateError(Refused):
    """A template cannot be filled in for this identity; the login fails, no other entry is tried."""

    code = "mapping.template_failed"

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, retryable: bool = False
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retryable = retryable


def instance_id_of(session_name: str) -> str | None:
    """Return the EC2 instance id that an instance role's session is named after, or None for other sessions."""
    body = session_name[2:]
    if session_name[:2] == "i-" and len(body) in {8, 17} and _WORD.issuperset(body):
        return session_name
    return None


def needs_instance_name(username: str, groups: Collection[str]) -> bool:
    """Tell whether filling in these templates may have to wait for EC2."""
    return PRIVATE_DNS_NAME in username or any(PRIVATE_DNS_NAME in group for group in groups)


async def render(template: str, identity: Identity, private_dns_name: Callable[[str], Awaitable[str]] | None) -> str:
    """Return ``template`` with every known ``{{Name}}`` replaced; unknown ones stay as they are.

    :raises TemplateError: ``mapping.template_failed`` when the name of an EC2 instance is asked for and the session is
        not an instance's, or its name cannot be found.
    """
    if "{{" not in template:
        return template
    if PRIVATE_DNS_NAME in template:
        template = template.replace(PRIVATE_DNS_NAME, await _private_dns_name(identity, private_dns_name))
    template = template.replace("{{AccountID}}", identity.account_id)
    template = template.replace("{{SessionName}}", identity.session_name.replace("@", "-"))
    template = template.replace("{{SessionNameRaw}}", identity.session_name)
    return template.replace("{{AccessKeyID}}", identity.access_key_id)


async def _private_dns_name(identity: Identity, find: Callable[[str], Awaitable[str]] | None) -> str:
    instance_id = instance_id_of(identity.session_name)
    if instance_id is None:
        raise TemplateError(
            f"the mapping asks for an EC2 instance's name, but session {identity.session_name!r} is not an instance's",
            hint="map nodes and people through different roles; {{EC2PrivateDNSName}} is for node roles only",
        )
    if find is None:
        raise TemplateError(
            "the mapping asks for an EC2 instance's name, and nothing here can look it up",
            hint="run this where ec2:DescribeInstances can be called, or map the role without {{EC2PrivateDNSName}}",
        )
    try:
        name = await find(instance_id)
    except AwsError as error:
        raise TemplateError(
            f"the private DNS name of {instance_id} cannot be looked up: {error.message}",
            hint=error.hint or "allow ec2:DescribeInstances to the authenticator",
            code="mapping.private_dns_unavailable",
            retryable=True,
        ) from error
    except EksauthError as error:
        raise TemplateError(f"no private DNS name for {instance_id}: {error.message}", hint=error.hint) from error
    if not name:
        raise TemplateError(
            f"instance {instance_id} has no private DNS name",
            hint="the instance may be starting or gone; turn on DNS host names in its VPC",
        )
    return name
