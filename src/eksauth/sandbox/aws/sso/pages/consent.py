"""The page on which a person allows or denies a client that waits on a loopback port (RFC 8252, RFC 7636)."""

from __future__ import annotations

from urllib.parse import urlsplit

from eksauth.sandbox.aws.request import Parameters, RawRequest
from eksauth.sandbox.aws.sso.authorization_request import RedirectedFault, allow, deny, read_authorization_request
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.pages.answers import go, show
from eksauth.sandbox.aws.sso.pages.html import fill, hidden
from eksauth.sandbox.aws.sso.pages.scopes import describe_scopes
from eksauth.sandbox.aws.sso.pages.sign_in import ask_to_sign_in, require_own_form
from eksauth.sandbox.aws.sso.visits import Visit
from eksauth.sandbox.aws.wire import Answer


def show_consent(request: RawRequest, center: IdentityCenter, visit: Visit, now: float) -> Answer:
    """Answer GET /authorize.

    :raises ServiceFault: when the request may not even be refused at its redirect URI.
    """
    try:
        asked = read_authorization_request(request.query, center, now)
    except RedirectedFault as fault:
        return go(fault.location, code="InvalidAuthorizationRequest")
    place = f"/authorize?{request.query.decode('ascii', 'replace')}"
    if not visit.user_name:
        return ask_to_sign_in(place)
    csrf = center.visits.csrf(visit)
    content = fill(
        _QUESTION,
        action=place,
        client=asked.client.unverified_name,
        person=visit.user_name,
        scopes=describe_scopes(asked.scopes),
        host=urlsplit(asked.redirect_uri).netloc,
        csrf=hidden("csrf", csrf),
    )
    return show(
        "Allow access", content, person=visit.user_name, csrf=csrf, form_target=_form_target(asked.redirect_uri)
    )


def decide_consent(request: RawRequest, form: Parameters, center: IdentityCenter, visit: Visit, now: float) -> Answer:
    """Answer POST /authorize: the person's decision.

    :raises ServiceFault: as :func:`show_consent`.
    """
    try:
        asked = read_authorization_request(request.query, center, now)
    except RedirectedFault as fault:
        return go(fault.location, code="InvalidAuthorizationRequest")
    place = f"/authorize?{request.query.decode('ascii', 'replace')}"
    if not visit.user_name:
        return ask_to_sign_in(place)
    require_own_form(form, center, visit)
    match form.get("decision"):
        case "allow":
            return go(allow(asked, center, user_name=visit.user_name, visit=visit.name, now=now))
        case "deny":
            return go(deny(asked))
        case _:
            return go(place)


def _form_target(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    # a content security policy has no way to write an IPv6 address
    return "http:" if ":" in (parts.hostname or "") else f"{parts.scheme}://{parts.netloc}"


_QUESTION = """<h1>Allow access?</h1>
<p>A program on this machine asks to act for you. Allow it only if you started it just now.</p>
<dl><dt>Program</dt><dd id="client">{client}</dd><dt>You are</dt><dd>{person}</dd>
<dt>It wants to</dt><dd>{scopes}</dd><dt>It waits at</dt><dd>{host}</dd></dl>
<p class="note">The program chose its name itself; nobody has checked it.</p>
<form method="post" action="{action}">{csrf}
<div class="actions"><button type="submit" name="decision" value="allow">Allow</button>
<button class="second" type="submit" name="decision" value="deny">Deny</button></div></form>"""
