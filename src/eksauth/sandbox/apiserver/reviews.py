"""Questions to the API server: who am I, may I, may they, and whose token is this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eksauth.kube.rbac import Attributes, Decision, User, rules_for
from eksauth.sandbox.apiserver.authn import Authenticator
from eksauth.sandbox.apiserver.authorizer import Authorizer
from eksauth.sandbox.apiserver.causes import not_allowed, required, wrong
from eksauth.sandbox.apiserver.resources import Review
from eksauth.sandbox.apiserver.status import Cause, bad_request, invalid


class Reviewer:
    """Answers review objects.

    :param audiences: what tokens must be meant for when a TokenReview does not say.
    """

    def __init__(self, authorizer: Authorizer, authenticator: Authenticator, audiences: tuple[str, ...]) -> None:
        self._authorizer = authorizer
        self._authenticator = authenticator
        self._audiences = audiences

    async def answer(self, review: Review, user: User, namespace: str, draft: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ``spec`` (where there is one) and ``status`` of the answer.

        :raises ApiError: 422 or 400 when the question makes no sense.
        """
        spec = draft.get("spec") or {}
        if review.kind == "SelfSubjectReview":
            return {"status": {"userInfo": user_info(user)}}
        if review.kind == "TokenReview":
            return await self._token(spec)
        if review.kind == "SelfSubjectRulesReview":
            return self._rules(user, spec)
        if review.kind == "SelfSubjectAccessReview":
            self._check(review, spec, subject=False)
            return {"spec": spec, "status": _status(self._decide(user, spec))}
        self._check(review, spec, subject=True)
        if review.kind == "LocalSubjectAccessReview":
            self._check_local(review, spec, namespace)
        extra = {key: tuple(values) for key, values in (spec.get("extra") or {}).items()}
        subject = User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""), extra)
        return {"spec": spec, "status": _status(self._decide(subject, spec))}

    async def _token(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        token = spec.get("token", "")
        if not token:
            raise bad_request("token is required for TokenReview in authentication")
        audiences = spec.get("audiences") or list(self._audiences)
        user = await self._authenticator.judge(token)
        ours = [entry for entry in audiences if entry in self._audiences]
        if user is None or (audiences and not ours):
            return {"spec": spec, "status": {"user": {}, "error": "[invalid bearer token]"}}
        status = {"authenticated": True, "user": user_info(user), "audiences": ours}
        return {"spec": spec, "status": {key: value for key, value in status.items() if value}}

    def _rules(self, user: User, spec: Mapping[str, Any]) -> dict[str, Any]:
        namespace = spec.get("namespace", "")
        if not namespace:
            raise bad_request("no namespace on request")
        granted = rules_for(user, namespace, self._authorizer.policy)
        resource_rules, url_rules = [], []
        for rule in granted.rules:
            if rule.resources:
                fields = {
                    "verbs": rule.verbs,
                    "apiGroups": rule.api_groups,
                    "resources": rule.resources,
                    "resourceNames": rule.resource_names,
                }
                resource_rules.append({name: list(values) for name, values in fields.items() if values})
            if rule.non_resource_urls:
                url_rules.append({"verbs": list(rule.verbs), "nonResourceURLs": list(rule.non_resource_urls)})
        status: dict[str, Any] = {
            "resourceRules": resource_rules,
            "nonResourceRules": url_rules,
            "incomplete": False,
        }
        if granted.errors:
            status["evaluationError"] = ", ".join(granted.errors)
        return {"spec": {}, "status": status}

    def _decide(self, user: User, spec: Mapping[str, Any]) -> Decision:
        urls = spec.get("nonResourceAttributes")
        if urls is not None:
            return self._authorizer.decide(Attributes(user, urls.get("verb", ""), path=urls.get("path", "")))
        asked = spec["resourceAttributes"]
        names = ("verb", "group", "resource", "subresource", "namespace", "name")
        verb, group, resource, subresource, namespace, name = (asked.get(field, "") for field in names)
        return self._authorizer.decide(Attributes(user, verb, group, resource, subresource, namespace, name))

    @staticmethod
    def _check(review: Review, spec: Mapping[str, Any], *, subject: bool) -> None:
        causes: list[Cause] = []
        resource, urls = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if resource is not None and urls is not None:
            causes.append(
                wrong("spec.nonResourceAttributes", urls, "cannot be specified in combination with resourceAttributes")
            )
        if resource is None and urls is None:
            text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
            causes.append(wrong("spec.resourceAttributes", None, text))
        if subject and not spec.get("user") and not spec.get("groups"):
            causes.append(wrong("spec.user", "", "at least one of user or group must be specified"))
        if causes:
            raise invalid("", review.group, "", causes)  # kube-apiserver leaves the kind out

    @staticmethod
    def _check_local(review: Review, spec: Mapping[str, Any], namespace: str) -> None:
        causes = []
        if spec.get("nonResourceAttributes") is not None:
            causes.append(not_allowed("spec.nonResourceAttributes", "disallowed on this kind of request"))
        resource = spec.get("resourceAttributes")
        if resource is None:
            causes.append(required("spec.resourceAttributes"))
        elif resource.get("namespace", "") != namespace:
            given = resource.get("namespace", "")
            raise bad_request(f"spec.resourceAttributes.namespace must match namespace: {given} != {namespace}")
        if causes:
            raise invalid("", review.group, "", causes)  # kube-apiserver leaves the kind out


def user_info(user: User) -> dict[str, Any]:
    """Return a user as reviews show it, without empty fields."""
    info = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    return {key: value for key, value in info.items() if value}


def _status(decision: Decision) -> dict[str, Any]:
    status: dict[str, Any] = {"allowed": decision.allowed}
    if decision.reason:
        status["reason"] = decision.reason
    return status
