"""The authorization webhook over HTTPS."""

from __future__ import annotations

import json
from pathlib import Path

from tests.authenticator.serving import serving

from eksauth.authenticator.entries.authorize import Opinion
from eksauth.authenticator.server.settings import WebhookSettings
from eksauth.kube.rbac import Attributes

VERSION = "authorization.k8s.io/v1"


def question(verb: str = "list") -> bytes:
    """Return the body of a webhook call."""
    spec = {"resourceAttributes": {"verb": verb, "resource": "pods", "namespace": "dev"}, "user": "ci"}
    return json.dumps({"apiVersion": VERSION, "kind": "SubjectAccessReview", "spec": spec}).encode()


def only_lists(request: Attributes) -> Opinion:
    """Allow lists."""
    return Opinion(allowed=request.verb == "list", reason=f"{request.verb} {request.resource}")


async def test_an_answer_is_what_the_policies_say(tmp_path: Path) -> None:
    """A question is answered in its version, with the opinion and its reason, and counted."""
    async with serving(tmp_path, authorizer=only_lists) as running:
        status, body = await running.post(question(), path="/authorize")
        assert (status, body["apiVersion"], body["kind"]) == (200, VERSION, "SubjectAccessReview")
        assert body["status"] == {"allowed": True, "reason": "list pods"}
        _, body = await running.post(question("delete"), path="/authorize")
        assert body["status"] == {"allowed": False, "reason": "delete pods"}
        assert await running.metric("eksauth_authorizations_total", answer="allowed") == 1
        assert await running.metric("eksauth_authorizations_total", answer="no_opinion") == 1


async def test_without_access_entries_there_is_no_opinion(tmp_path: Path) -> None:
    """A server without that backend never stands in the way of other authorizers."""
    async with serving(tmp_path) as running:
        status, body = await running.post(question(), path="/authorize")
        assert (status, body["status"]["allowed"]) == (200, False)


async def test_what_is_no_review_is_a_client_error(tmp_path: Path) -> None:
    """Malformed and oversized bodies are 400 and 413, as for TokenReviews."""
    async with serving(tmp_path, webhook=WebhookSettings(body_bytes=2000)) as running:
        status, body = await running.post(b"{}", path="/authorize")
        assert (status, body["kind"]) == (400, "Status")
        status, _ = await running.post(b" " * 5000, path="/authorize")
        assert status == 413
