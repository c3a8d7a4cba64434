"""The portal's start page: what the person may use."""

from __future__ import annotations

from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.pages.answers import show
from eksauth.sandbox.aws.sso.pages.html import Html, fill, join
from eksauth.sandbox.aws.sso.pages.sign_in import ask_to_sign_in
from eksauth.sandbox.aws.sso.seeded import START_PATH
from eksauth.sandbox.aws.sso.visits import Visit
from eksauth.sandbox.aws.wire import Answer


def show_start(center: IdentityCenter, visit: Visit) -> Answer:
    """Answer GET /start."""
    if not visit.user_name:
        return ask_to_sign_in(START_PATH)
    person = center.directory.person(visit.user_name)
    accounts = center.directory.accounts_of(visit.user_name)
    listed = [
        fill(
            _ACCOUNT,
            name=one.name,
            account=one.account,
            email=one.email,
            roles=join([fill("<li>{name}</li>", name=name) for name in _names(center, visit.user_name, one.account)]),
        )
        for one in accounts
    ]
    content = fill(
        _PAGE,
        name=person.display_name if person is not None else visit.user_name,
        accounts=fill('<ul class="accounts">{all}</ul>', all=join(listed)) if listed else Html(_NOTHING),
        region=center.region,
        start_url=center.start_url,
    )
    return show("Accounts", content, person=visit.user_name, csrf=center.visits.csrf(visit))


def _names(center: IdentityCenter, user_name: str, account: str) -> list[str]:
    return center.directory.permission_sets_of(user_name, account)


_PAGE = """<div class="wide"></div>
<h1>Accounts of {name}</h1>
<p class="note">Start URL {start_url}, region {region}</p>
{accounts}"""

_ACCOUNT = """<li><h2>{name}</h2> <span class="number">{account}</span> <span class="note">{email}</span>
<ul class="roles" aria-label="Roles in {name} {account}">{roles}</ul></li>"""

_NOTHING = '<p role="status">Nobody has assigned you an account yet.</p>'
