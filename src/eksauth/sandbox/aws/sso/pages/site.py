"""All pages behind one function: which path is which page."""

from __future__ import annotations

from dataclasses import dataclass

from eksauth.sandbox.aws.faults import ServiceFault
from eksauth.sandbox.aws.request import Parameters, RawRequest, parse_pairs
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.pages.answers import show_problem
from eksauth.sandbox.aws.sso.pages.consent import decide_consent, show_consent
from eksauth.sandbox.aws.sso.pages.console import serve_federation
from eksauth.sandbox.aws.sso.pages.device import decide_device, show_device
from eksauth.sandbox.aws.sso.pages.sign_in import show_sign_in, sign_in, sign_out
from eksauth.sandbox.aws.sso.pages.start import show_start
from eksauth.sandbox.aws.sso.pages.style import STYLE
from eksauth.sandbox.aws.wire import Answer

_PAGES = {
    b"/start": {"GET": "StartPage"},
    b"/start/": {"GET": "StartPage"},
    b"/sign-in": {"GET": "SignInPage", "POST": "SignIn"},
    b"/sign-out": {"POST": "SignOut"},
    b"/device": {"GET": "DevicePage", "POST": "DecideDevice"},
    b"/authorize": {"GET": "AuthorizePage", "POST": "DecideAuthorization"},
    b"/federation": {"GET": "Federation", "POST": "Federation"},
    b"/portal.css": {"GET": "Stylesheet"},
}

_TITLES = {
    400: "This does not work",
    401: "Not possible",
    403: "Not allowed",
    405: "Not possible",
    429: "Too many requests",
}


def page_operation(request: RawRequest) -> str:
    """Return the name of the page or of what is done on it; empty when the path is no page's."""
    methods = _PAGES.get(request.path)
    return "" if methods is None else methods.get(request.method, "Unknown")


@dataclass(frozen=True)
class Site:
    """The pages over one portal, at one moment."""

    center: IdentityCenter
    sessions: SessionStore
    now: float

    def serve(self, request: RawRequest) -> tuple[Answer, str]:
        """Answer a request for a page; returns also who asked, where that is known.

        :raises ServiceFault: with a message for people.
        """
        operation = page_operation(request)
        if operation == "Stylesheet":
            return Answer(200, STYLE.encode(), "text/css; charset=utf-8", {"Cache-Control": "no-cache"}), ""
        if operation == "Unknown":
            raise ServiceFault("MethodNotAllowed", "This page cannot be used that way.", 405)
        query = Parameters(parse_pairs(request.query))
        if operation == "Federation":
            given = query if request.method == "GET" else _form(request)
            answer, caller = serve_federation(given, self.center.signin_tokens, self.sessions, self.now)
            return answer, caller.arn
        center, now = self.center, self.now
        visit = center.visits.of(request, now)
        match operation:
            case "SignIn":
                return sign_in(_form(request), center, visit, now)
            case "SignOut":
                return sign_out(_form(request), center, visit), visit.user_name
            case "SignInPage":
                answer = show_sign_in(query, center, visit)
            case "DevicePage":
                answer = show_device(query, center, visit, now)
            case "DecideDevice":
                answer = decide_device(_form(request), center, visit, now)
            case "AuthorizePage":
                answer = show_consent(request, center, visit, now)
            case "DecideAuthorization":
                answer = decide_consent(request, _form(request), center, visit, now)
            case _:
                answer = show_start(center, visit)
        return answer, visit.user_name


def page_error(fault: ServiceFault) -> Answer:
    """Write an error for people."""
    status, message = fault.status, fault.message
    if fault.code == "Throttling":
        status, message = 429, "Too many requests. Wait a moment and try again."
    title = _TITLES.get(status, "Something went wrong") if status < 500 else "Something went wrong"
    return show_problem(title, message, status=status, code=fault.code)


def _form(request: RawRequest) -> Parameters:
    if not request.is_form:
        raise ServiceFault("UnsupportedMediaType", "This page takes forms only.", 415)
    return Parameters(parse_pairs(request.body))
