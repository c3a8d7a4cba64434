"""The pages of the SAML provider: its metadata, a sign-in form, and the form that carries the response on."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.federation.saml_idp import SamlIdp
from eksauth.sandbox.aws.federation.saml_request import SignInRequest, read_sign_in_request
from eksauth.sandbox.aws.request import Parameters, RawRequest, parse_pairs
from eksauth.sandbox.aws.sso.pages.answers import show, show_problem
from eksauth.sandbox.aws.sso.pages.html import Html, fill, hidden, join
from eksauth.sandbox.aws.wire import Answer

SERVICE = "saml"
_OPERATIONS = {b"/saml/idp": "SignIn", b"/saml/idp/metadata": "Metadata"}


def saml_operation(request: RawRequest) -> tuple[str, str] | None:
    """Return (service, operation) when the request is for the SAML provider, as its path says."""
    if not request.path.startswith(b"/saml/"):
        return None
    return SERVICE, _OPERATIONS.get(request.path, "Unknown")


def serve_saml(request: RawRequest, idp: SamlIdp, now: float) -> Answer:
    """Answer a request that :func:`saml_operation` recognised.

    :raises ServiceFault: NotFound, MethodNotAllowed, BadRequest.
    """
    operation = _OPERATIONS.get(request.path)
    if operation is None:
        raise ServiceFault("NotFound", "There is no such page.", 404)
    if request.method not in ({"GET"} if operation == "Metadata" else {"GET", "POST"}):
        raise ServiceFault("MethodNotAllowed", "This page is not asked for like that.", 405)
    if operation == "Metadata":
        return Answer(200, idp.metadata().encode(), "application/samlmetadata+xml")
    values = _values(request)
    posted = request.method == "POST"
    try:
        wanted = read_sign_in_request(values, deflated=not posted)
    except ValueError as error:
        raise ServiceFault("BadRequest", f"This sign-in cannot start: {error}.", 400) from None
    if not posted or "user_name" not in values:
        return _sign_in_form(wanted)
    person = idp.sign_in(values["user_name"], values.get("password", ""))
    if person is None:
        return _sign_in_form(wanted, user_name=values["user_name"], failed=True)
    return _carry_on(wanted, idp.response(person, now=now, request_id=wanted.request_id))


def saml_error(fault: ServiceFault) -> Answer:
    """Write a refusal as a page."""
    return show_problem("Sign-in", fault.message, status=fault.status, code=fault.code)


def _values(request: RawRequest) -> dict[str, str]:
    return Parameters(parse_pairs(request.body if request.method == "POST" else request.query)).as_dict()


def _sign_in_form(wanted: SignInRequest, *, user_name: str = "", failed: bool = False) -> Answer:
    content = fill(
        _FORM,
        alert=Html(_WRONG) if failed else Html(""),
        user_name=user_name,
        carried=join(
            [
                hidden(name, value)
                for name, value in (
                    ("acs", "" if wanted.saml_request else wanted.target),
                    ("RelayState", wanted.relay_state),
                    ("SAMLRequest", wanted.saml_request),
                )
                if value
            ]
        ),
    )
    status, code = (401, "WrongPassword") if failed else (200, "")
    return show("Company sign-in", content, status=status, code=code)


def _carry_on(wanted: SignInRequest, response: str) -> Answer:
    nonce = secrets.token_urlsafe(16)
    parts = urlsplit(wanted.target)
    fields = [hidden("SAMLResponse", response)]
    if wanted.relay_state:
        fields.append(hidden("RelayState", wanted.relay_state))
    content = fill(_CARRY, target=wanted.target, fields=join(fields), nonce=nonce, host=parts.netloc)
    policy = (
        f"default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none';"
        f" script-src 'nonce-{nonce}'; form-action {parts.scheme}://{parts.netloc}"
    )
    return show("Signed in", content, headers={"Content-Security-Policy": policy})


_FORM = """<h1>Company sign-in</h1>
<p class="note">The sandbox's SAML identity provider.</p>
{alert}
<form method="post" action="/saml/idp">
{carried}
<label for="user_name">User name</label>
<input type="text" id="user_name" name="user_name" value="{user_name}" autocomplete="username" autocapitalize="none" \
spellcheck="false" required autofocus>
<label for="password">Password</label>
<input type="password" id="password" name="password" autocomplete="current-password" required>
<div class="actions"><button type="submit">Sign in</button></div>
</form>"""

_WRONG = '<p class="alert" role="alert" id="wrong">The user name or the password is wrong.</p>'

_CARRY = """<h1>Signed in</h1>
<p role="status">Going on to {host}.</p>
<form method="post" action="{target}" id="saml">
{fields}
<div class="actions"><button type="submit">Continue</button></div>
</form>
<script nonce="{nonce}">document.getElementById("saml").submit();</script>"""
