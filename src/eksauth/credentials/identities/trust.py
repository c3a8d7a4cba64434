"""What a configuration that nobody named may cause: nothing is run for it, and no host of its own is asked.

A file found by walking up from the working directory may have come with a repository. What it says works from what is
cached, and from renewals that only talk to AWS. A person at a terminal who signs in (``context.human``, and
``context.vouched``) sees what is going on, and a file that is named (``--config``, ``EKSAUTH_CONFIG``) or that lies in
the user's own directory is as good as a command line.
"""

from __future__ import annotations

from eksauth.credentials.identities.contract import Context, NeedsHuman, login_hint


def require_own_words(context: Context, name: str) -> None:
    """Refuse to hand values of the user's variables to a role that an untrusted file names: its owner would see them.

    Session names, tags and external ids are in the CloudTrail of the role's account.

    :raises NeedsHuman: as :func:`require_trust` does.
    """
    if name in context.config.borrowing:
        require_trust(context, "handing on what !env reads in the principal", name)


def require_trust(context: Context, what: str, name: str) -> None:
    """Refuse ``what`` ("running mfa_process", …) of identity or provider ``name`` on behalf of an untrusted file.

    :raises NeedsHuman: unless the configuration was named or a person signs in with it.
    """
    if context.config.searched and (context.human is None or not context.vouched):
        raise NeedsHuman(
            f"{what} of '{name}' is not done for a configuration that was only found by searching: "
            f"{context.config.path}",
            hint=f"{login_hint(name)}, or name the file: --config {context.config.path}",
            code="credentials.untrusted_config",
        )
