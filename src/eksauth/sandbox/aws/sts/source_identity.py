"""Source identities: set once, then kept along a chain of roles.

Rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
"""

from __future__ import annotations

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sts import fields


def read_source_identity(parameters: Parameters, caller: Caller) -> str:
    """Return the source identity that the new session is going to have; empty for none.

    :raises ServiceFault: ValidationError; AccessDenied when the calling session has another one.
    """
    asked = fields.optional(parameters, "SourceIdentity", least=2, most=64, pattern=fields.NAME)
    if asked is not None and asked.lower().startswith("aws:"):
        raise fields.invalid("Source Identity must not begin with aws:")
    if caller.source_identity and asked not in {None, caller.source_identity}:
        raise ServiceFault(
            "AccessDenied",
            f"User: {caller.arn} is not authorized to perform: sts:SetSourceIdentity: the source identity of a session"
            " cannot be changed",
            403,
        )
    return caller.source_identity or asked or ""
