"""What a new sandbox's identity providers start with, as data for the seed file."""

from __future__ import annotations

import msgspec


class SeededCi(msgspec.Struct, frozen=True):
    """CI systems whose tokens two roles trust.

    :param request_token: for ``ACTIONS_ID_TOKEN_REQUEST_TOKEN``.
    :param request_path: of ``ACTIONS_ID_TOKEN_REQUEST_URL``, below the endpoint's URL.
    :param github_role_arn: trusts GitHub Actions for one branch of one repository.
    :param gitlab_role_arn: trusts GitLab for the same.
    """

    request_token: str
    request_path: str
    repository: str
    branch: str
    github_role_arn: str
    gitlab_role_arn: str

    def __repr__(self) -> str:
        return f"SeededCi({self.repository})"


class SeededSaml(msgspec.Struct, frozen=True):
    """The SAML provider and somebody who can sign in to it.

    :param sign_in_path: of the page where people sign in, below the endpoint's URL.
    :param role_arns: roles that the person's assertion offers.
    """

    entity_id: str
    provider_arn: str
    sign_in_path: str
    user_name: str
    password: str
    email: str
    role_arns: list[str]

    def __repr__(self) -> str:
        return f"SeededSaml({self.user_name})"


class SeededFederation(msgspec.Struct, frozen=True):
    """All identity providers."""

    ci: SeededCi
    saml: SeededSaml
