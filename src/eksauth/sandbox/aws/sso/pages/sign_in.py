"""Signing in and out with a browser."""

from __future__ import annotations

from urllib.parse import quote

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import Parameters
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.pages.answers import go, show
from eksauth.sandbox.aws.sso.pages.html import Html, fill, hidden
from eksauth.sandbox.aws.sso.seeded import START_PATH
from eksauth.sandbox.aws.sso.visits import Visit, cookie_header
from eksauth.sandbox.aws.wire import Answer

_PLACES = (START_PATH, "/device", "/authorize")
_LONGEST_PLACE = 8192


def ask_to_sign_in(place: str) -> Answer:
    """Send the browser to the sign-in page, and from there to ``place``."""
    return go(f"/sign-in?next={quote(place, safe='')}")


def show_sign_in(parameters: Parameters, center: IdentityCenter, visit: Visit) -> Answer:
    """Answer GET /sign-in."""
    place = _safe_place(parameters.get("next"))
    if visit.user_name:
        return go(place)
    return _form(center, visit, place)


def sign_in(parameters: Parameters, center: IdentityCenter, visit: Visit, now: float) -> tuple[Answer, str]:
    """Answer POST /sign-in; returns also who is signed in now."""
    require_own_form(parameters, center, visit)
    place = _safe_place(parameters.get("next"))
    user_name = (parameters.get("user_name") or "").strip()
    person = center.directory.authenticate(user_name, parameters.get("password") or "")
    if person is None:
        return _form(center, visit, place, user_name=user_name), ""
    center.visits.sign_out(visit.name)
    seconds = center.settings.sign_in_seconds
    entered = center.visits.sign_in(person.user_name, now + seconds)
    return go(place, headers=cookie_header(entered, seconds)), person.user_name


def sign_out(parameters: Parameters, center: IdentityCenter, visit: Visit) -> Answer:
    """Answer POST /sign-out."""
    require_own_form(parameters, center, visit)
    center.visits.sign_out(visit.name)
    return show("Signed out", Html(_SIGNED_OUT), headers=cookie_header(visit, 0))


def require_own_form(parameters: Parameters, center: IdentityCenter, visit: Visit) -> None:
    """Refuse a form that was not made by our own page for this browser.

    :raises ServiceFault: with a message for people.
    """
    if not center.visits.is_own_form(visit, parameters.get("csrf")):
        raise ServiceFault("StaleForm", "This form is out of date. Go back, reload the page and try again.", 403)


def _form(center: IdentityCenter, visit: Visit, place: str, *, user_name: str | None = None) -> Answer:
    failed = user_name is not None
    content = fill(
        _FORM,
        csrf=hidden("csrf", center.visits.csrf(visit)),
        place=hidden("next", place),
        user_name=user_name or "",
        alert=Html(_WRONG) if failed else Html(""),
        described=Html(' aria-describedby="wrong" aria-invalid="true"') if failed else Html(""),
        # the field that has to be filled in next
        first=Html("") if failed else Html(" autofocus"),
        second=Html(" autofocus") if failed else Html(""),
    )
    headers = cookie_header(visit, center.settings.sign_in_seconds) if visit.is_new else {}
    status, code = (401, "WrongPassword") if failed else (200, "")
    return show("Sign in", content, headers=headers, status=status, code=code)


def _safe_place(place: str | None) -> str:
    """Return where to go after signing in: one of our own pages, whatever was asked for."""
    if place is None or len(place) > _LONGEST_PLACE or not place.isascii() or not place.isprintable():
        return START_PATH
    # compared exactly, so that //elsewhere and /\elsewhere are no places
    return place if place.partition("?")[0] in _PLACES else START_PATH


_FORM = """<h1>Sign in</h1>
<p class="note">With the name and password of somebody in this sandbox.</p>
{alert}
<form method="post" action="/sign-in">
{csrf}{place}
<label for="user_name">User name</label>
<input type="text" id="user_name" name="user_name" value="{user_name}" autocomplete="username" autocapitalize="none" \
spellcheck="false" required{first}{described}>
<label for="password">Password</label>
<input type="password" id="password" name="password" autocomplete="current-password" required{second}{described}>
<div class="actions"><button type="submit">Sign in</button></div>
</form>"""

_WRONG = '<p class="alert" role="alert" id="wrong">The user name or the password is wrong.</p>'

_SIGNED_OUT = """<h1>Signed out</h1>
<p class="done" role="status">This browser is signed out of the portal.</p>
<p><a href="/start">Sign in again</a></p>"""
