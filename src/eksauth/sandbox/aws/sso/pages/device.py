"""The page on which a person allows or denies a device that shows a code (RFC 8628 section 3.3)."""

from __future__ import annotations

from urllib.parse import quote

from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.pages.answers import go, show
from eksauth.sandbox.aws.sso.pages.html import Html, fill, hidden
from eksauth.sandbox.aws.sso.pages.scopes import describe_scopes
from eksauth.sandbox.aws.sso.pages.sign_in import ask_to_sign_in, require_own_form
from eksauth.sandbox.aws.sso.visits import Visit
from eksauth.sandbox.aws.wire import Answer

_LONGEST_CODE = 32


def show_device(parameters: Parameters, center: IdentityCenter, visit: Visit, now: float) -> Answer:
    """Answer GET /device: the question, or a form for the code."""
    code = (parameters.get("user_code") or "")[:_LONGEST_CODE]
    if not visit.user_name:
        return ask_to_sign_in(f"/device?user_code={quote(code, safe='')}" if code else "/device")
    if not code:
        return _ask_for_code(center, visit)
    grant = center.devices.waiting(code, now)
    client = center.clients.find(grant.client_id) if grant is not None else None
    if grant is None or client is None:
        return _ask_for_code(center, visit, unknown=code)
    csrf = center.visits.csrf(visit)
    content = fill(
        _QUESTION,
        client=client.unverified_name,
        code=grant.user_code,
        scopes=describe_scopes(grant.scopes),
        person=visit.user_name,
        fields=Html(hidden("csrf", csrf) + hidden("user_code", grant.user_code)),
    )
    return show("Authorize a device", content, person=visit.user_name, csrf=csrf)


def decide_device(parameters: Parameters, center: IdentityCenter, visit: Visit, now: float) -> Answer:
    """Answer POST /device: the person's decision."""
    if not visit.user_name:
        return go("/device")
    require_own_form(parameters, center, visit)
    code = (parameters.get("user_code") or "")[:_LONGEST_CODE]
    grant = center.devices.waiting(code, now)
    if grant is None:
        return _ask_for_code(center, visit, unknown=code)
    decision = parameters.get("decision")
    if decision not in {"allow", "deny"}:
        return go(f"/device?user_code={quote(grant.user_code)}")
    allowed = decision == "allow"
    grant.verdict = "allowed" if allowed else "denied"
    grant.user_name, grant.visit = visit.user_name, visit.name
    title = "Request allowed" if allowed else "Request denied"
    content = fill(_ALLOWED if allowed else _DENIED, title=title)
    return show(title, content, person=visit.user_name, csrf=center.visits.csrf(visit))


def _ask_for_code(center: IdentityCenter, visit: Visit, *, unknown: str = "") -> Answer:
    alert = Html(_UNKNOWN) if unknown else Html("")
    described = Html(' aria-describedby="unknown" aria-invalid="true"') if unknown else Html("")
    return show(
        "Enter the code",
        fill(_CODE_FORM, alert=alert, code=unknown, described=described),
        person=visit.user_name,
        csrf=center.visits.csrf(visit),
        status=404 if unknown else 200,
        code="UnknownUserCode" if unknown else "",
    )


_QUESTION = """<h1>Do you want to allow this request?</h1>
<p>A program asks to act for you. Allow it only if you started it and it shows exactly this code:</p>
<p class="code" id="code">{code}</p>
<dl><dt>Program</dt><dd id="client">{client}</dd><dt>You are</dt><dd>{person}</dd>
<dt>It wants to</dt><dd>{scopes}</dd></dl>
<p class="note">The program chose its name itself; nobody has checked it.</p>
<form method="post" action="/device">{fields}
<div class="actions"><button type="submit" name="decision" value="allow">Allow</button>
<button class="second" type="submit" name="decision" value="deny">Deny</button></div></form>"""

_ALLOWED = """<h1>{title}</h1>
<p class="done" role="status">The program can go on. You may close this window.</p>"""

_DENIED = """<h1>{title}</h1>
<p role="status">The program gets nothing. You may close this window.</p>"""

_UNKNOWN = """<p class="alert" role="alert" id="unknown">This code is unknown, has been used, or has expired.
Start again in the program that showed it.</p>"""

_CODE_FORM = """<h1>Enter the code</h1>
{alert}
<form method="get" action="/device">
<label for="user_code">Code that the program shows</label>
<input type="text" id="user_code" name="user_code" value="{code}" autocomplete="off" autocapitalize="characters" \
spellcheck="false" required autofocus{described}>
<div class="actions"><button type="submit">Continue</button></div></form>"""
