"""A botocore session that follows our precedence: ``AWS_PROFILE`` and ``AWS_REGION`` before their old names."""

from __future__ import annotations

from typing import Any

import botocore.config
import botocore.session

from eksauth import __version__

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 15
ATTEMPTS = 3
"""kubectl has no time limit for its plugins, so botocore's own (a minute, five times) would look like a hang."""


def open_session(profile: str | None, *, explicit: bool, region: str | None = None) -> Any:
    """Return a session for ``profile``.

    :param explicit: a flag named the profile; environment keys are then left out of the chain.
    :param region: the region for the session's own STS, SSO and other calls.
    """
    # a default, unlike an instance variable, leaves environment keys in the chain
    variables = {"profile": (None, None, profile, None), "region": ("region", None, region, None)}
    session = botocore.session.Session(profile=profile if explicit else None, session_vars=variables)
    if region is not None:
        session.set_config_variable("region", region)
    session.user_agent_name = "eksauth"
    session.user_agent_version = __version__
    session.set_default_client_config(
        botocore.config.Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
    )
    return session
