"""All services of one sandbox behind one function: request in, answer out. No network here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from eksauth.sandbox.aws.account_api import account_operation, serve_account
from eksauth.sandbox.aws.authorization import anonymous_context_of, context_of
from eksauth.sandbox.aws.clusters import ClusterStore
from eksauth.sandbox.aws.eks import eks_operation, serve_eks
from eksauth.sandbox.aws.faults import FaultPlan, ServiceFault
from eksauth.sandbox.aws.federation.routes import SERVICES as FEDERATION_SERVICES
from eksauth.sandbox.aws.federation.routes import federation_error, federation_operation, serve_federation
from eksauth.sandbox.aws.federation.state import Federation
from eksauth.sandbox.aws.iam import IamStore
from eksauth.sandbox.aws.iam_api import serve_iam
from eksauth.sandbox.aws.identify import identify
from eksauth.sandbox.aws.machine import api as machine_api
from eksauth.sandbox.aws.machine.state import Machine
from eksauth.sandbox.aws.model import Caller
from eksauth.sandbox.aws.organization import Organization
from eksauth.sandbox.aws.request import RawRequest, read_parameters
from eksauth.sandbox.aws.requests_log import LoggedRequest, RequestLog
from eksauth.sandbox.aws.roles_anywhere.create_session import create_session, roles_anywhere_operation
from eksauth.sandbox.aws.roles_anywhere.store import RolesAnywhere
from eksauth.sandbox.aws.sessions import SessionStore
from eksauth.sandbox.aws.signature import Authentication, read_authentication, region_of_host
from eksauth.sandbox.aws.sso.center import IdentityCenter
from eksauth.sandbox.aws.sso.routes import SERVICES as SSO_SERVICES
from eksauth.sandbox.aws.sso.routes import serve_sso, sso_error, sso_operation
from eksauth.sandbox.aws.sts.service import UNSIGNED, Sts, check_action
from eksauth.sandbox.aws.wire import Answer, query_error, query_result, rest_error

_log = logging.getLogger(__name__)

_SERVICES = frozenset(["sts", "iam", "eks", "account"])
_BY_PATH = SSO_SERVICES | FEDERATION_SERVICES | {machine_api.SERVICE}


@dataclass
class _Seen:
    """What is known about a request so far, for the log."""

    service: str
    action: str
    claim: Authentication | None = None
    caller: Caller | None = None
    person: str = ""


@dataclass
class Cloud:
    """The state of a sandbox's AWS, and what answers from it.

    :param clock: seconds since the epoch; ``clock_offset`` is added to it.
    """

    clock: Callable[[], float] = time.time
    clock_offset: float = 0.0
    iam: IamStore = field(default_factory=IamStore)
    sessions: SessionStore = field(default_factory=SessionStore)
    clusters: ClusterStore = field(default_factory=ClusterStore)
    sso: IdentityCenter = field(default_factory=IdentityCenter)
    federation: Federation = field(default_factory=Federation)
    organization: Organization = field(default_factory=Organization)
    roles_anywhere: RolesAnywhere = field(default_factory=RolesAnywhere)
    machine: Machine = field(default_factory=Machine)
    faults: FaultPlan = field(default_factory=FaultPlan)
    log: RequestLog = field(default_factory=RequestLog)

    def now(self) -> float:
        """Return the time that this AWS believes in."""
        return self.clock() + self.clock_offset

    def answer(self, request: RawRequest, ordered: ServiceFault | None = None) -> Answer:
        """Answer one request; ``ordered`` replaces the answer by an error, whoever asks.

        Never raises: what goes wrong inside is answered as InternalFailure.
        """
        seen = _Seen(*name_operation(request))
        try:
            answer = self._judge(request, ordered, seen)
        except ServiceFault as fault:
            answer = _error(seen.service, fault, request)
        except Exception as error:  # noqa: BLE001  a bug here must look like AWS failing, not like a dead server
            # never the error's own text: it may quote the request
            _log.error("internal failure in %s:%s: %s", seen.service, seen.action, type(error).__name__)
            message = "The request processing has failed because of an unknown error, exception or failure."
            answer = _error(seen.service, ServiceFault("InternalFailure", message, 500), request)
        self._note(request, seen, answer.status, answer.code)
        return answer

    def note_unanswered(self, request: RawRequest, code: str) -> None:
        """Remember a request whose connection is cut instead of answering it."""
        self._note(request, _Seen(*name_operation(request)), 0, code)

    def _note(self, request: RawRequest, seen: _Seen, status: int, code: str) -> None:
        self.log.add(
            LoggedRequest(
                at=self.now(),
                service=seen.service,
                action=seen.action,
                region=seen.claim.region[:64] if seen.claim else "",
                host=request.header("host")[:256],
                access_key_id=seen.claim.access_key_id[:128] if seen.claim else "",
                principal=seen.caller.arn if seen.caller else seen.person,
                status=status,
                code=code,
            )
        )

    def _judge(self, request: RawRequest, ordered: ServiceFault | None, seen: _Seen) -> Answer:
        if ordered is not None:
            raise ordered
        if seen.service in SSO_SERVICES:
            answer, seen.person = serve_sso(request, self.sso, self.iam, self.sessions, self.now())
            return answer
        if seen.service in FEDERATION_SERVICES:
            return serve_federation(seen.service, request, self.federation, self.now())
        if roles_anywhere_operation(request) is not None:
            return create_session(request, self.roles_anywhere, self.iam, self.sessions, now=self.now())
        if seen.service == machine_api.SERVICE:
            return machine_api.serve_machine(request, self.machine, self.iam, self.sessions, now=self.now())
        if seen.service in {"sts", "iam"}:
            _check_query_request(request, seen.service)
        if seen.service == "sts" and seen.action in UNSIGNED:
            return self._serve_unsigned(request)
        seen.claim = claim = read_authentication(request)
        if claim.service != seen.service or claim.service not in _SERVICES:
            raise ServiceFault("NotImplemented", f"the sandbox does not serve {claim.service[:64]!r}", 501)
        if region_of_host(request.host) and claim.service != "sts":
            raise ServiceFault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'. ", 403)
        seen.caller = identify(request, claim, self.iam, self.sessions, now=self.now())
        return self._serve(request, claim, seen.caller)

    def _serve_unsigned(self, request: RawRequest) -> Answer:
        parameters = read_parameters(request)
        context = anonymous_context_of(request, region=region_of_host(request.host) or "us-east-1", now=self.now())
        sts = Sts(self.iam, self.sessions, self.federation, self.organization)
        result = sts.serve_unsigned(parameters, context, self.now())
        return query_result("sts", check_action(parameters), result, as_json=_wants_json(request))

    def _serve(self, request: RawRequest, claim: Authentication, caller: Caller) -> Answer:
        now = self.now()
        context = context_of(request, caller, self.iam, region=claim.region, now=now)
        if claim.service == "eks":
            return serve_eks(request, caller, claim.region, self.iam, self.clusters, context)
        if claim.service == "account":
            return serve_account(request, caller, self.iam, context)
        parameters = read_parameters(request)
        if claim.service == "iam":
            return serve_iam(parameters, caller, self.iam, context)
        sts = Sts(self.iam, self.sessions, self.federation, self.organization)
        result = sts.serve(parameters, caller, context, now)
        return query_result("sts", check_action(parameters), result, as_json=_wants_json(request))


def name_operation(request: RawRequest) -> tuple[str, str]:
    """Return (service, operation) that a request claims to be about, before anything is verified.

    Some paths belong to services that nobody signs requests for. Else the service of the credential scope decides;
    without credentials, a query request is taken for STS.
    """
    unsigned = sso_operation(request) or federation_operation(request) or roles_anywhere_operation(request)
    unsigned = unsigned or machine_api.machine_operation(request)
    if unsigned is not None:
        return unsigned
    service = _claimed_scope(request)[1]
    if service in _BY_PATH:
        # only their paths lead to them, whatever a signature claims to be for
        return "unknown", "Unknown"
    if service == "account":
        return service, account_operation(request) or "Unknown"
    if service == "eks" or (not service and request.path.startswith(b"/clusters")):
        return "eks", eks_operation(request) or "Unknown"
    for text in (request.query, request.body if request.is_form else b""):
        for piece in text.split(b"&"):
            name, _, value = piece.partition(b"=")
            if name == b"Action":
                action = value.decode("ascii", "replace")
                return service[:32] or "sts", action if action.isalnum() and len(action) <= 64 else "Unknown"
    return service[:32] or "sts", "Unknown"


def claimed_region(request: RawRequest) -> str:
    """Return the region of the credential scope, before anything is verified; empty without one."""
    return _claimed_scope(request)[0]


def _claimed_scope(request: RawRequest) -> tuple[str, str]:
    """Return (region, service) that the request claims to be signed for."""
    for raw in (request.header("authorization"), request.query.decode("ascii", "replace")):
        # the same spot in either form: …Credential=<id>/<date>/<region>/<service>/aws4_request
        _, found, scope = raw.replace("%2F", "/").replace("%2f", "/").partition("Credential=")
        if found and scope.count("/") >= 4:
            _, _, region, service, _ = scope.split("/", 4)
            return region, service
    return "", ""


def _check_query_request(request: RawRequest, service: str) -> None:
    if request.method not in {"GET", "POST"}:
        raise ServiceFault("InvalidAction", "The query protocol uses GET and POST only.", 405)
    if request.path not in {b"/", b""}:
        raise ServiceFault("InvalidAction", "The query protocol lives at the path / only.", 404)
    parameters = read_parameters(request)
    if service == "sts":
        check_action(parameters)


def _error(service: str, fault: ServiceFault, request: RawRequest) -> Answer:
    if service in SSO_SERVICES:
        return sso_error(service, fault)
    if service in FEDERATION_SERVICES:
        return federation_error(service, fault)
    if service == machine_api.SERVICE:
        return machine_api.machine_error(fault)
    if service in {"sts", "iam", "unknown"}:
        return query_error(service, fault, as_json=service == "sts" and _wants_json(request))
    return rest_error(fault)


def _wants_json(request: RawRequest) -> bool:
    return "application/json" in request.header("accept").lower()
