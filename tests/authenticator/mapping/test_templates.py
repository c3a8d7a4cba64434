"""Templates in user names and groups."""

from __future__ import annotations

import pytest
from tests.authenticator.mapping.callers import A, identity

from eksauth.authenticator.mapping.templates import TemplateError, instance_id_of, render
from eksauth.errors import AwsUnreachable, Refused

NODE = f"arn:aws:sts::{A}:assumed-role/Node/i-0123456789abcdef0"


@pytest.mark.parametrize(
    "template, session, text",
    [
        pytest.param("plain", "s", "plain", id="none"),
        pytest.param("aws:{{AccountID}}:x", "s", f"aws:{A}:x", id="TPL-02"),
        pytest.param("{{AccessKeyID}}", "s", "ASIAEXAMPLE", id="TPL-03"),
        pytest.param("u:{{SessionName}}", "jdoe", "u:jdoe", id="TPL-04"),
        pytest.param("{{SessionName}}{{SessionName}}", "a@b@c", "a-b-ca-b-c", id="TPL-05"),
        pytest.param("{{SessionNameRaw}}", "a@b", "a@b", id="TPL-06"),
        pytest.param("{{AccountID}}:{{SessionName}}:{{SessionNameRaw}}:{{AccessKeyID}}", "a@b", f"{A}:a-b:a@b:ASIAEXAMPLE", id="TPL-07"),
        pytest.param("{{ AccountID }}{{accountid}}{{Foo}}{{}}", "s", "{{ AccountID }}{{accountid}}{{Foo}}{{}}", id="unknown"),
    ],
)  # fmt: skip
async def test_templates(template: str, session: str, text: str) -> None:
    """Known names are replaced wherever they stand; anything else stays."""
    assert await render(template, identity(f"arn:aws:sts::{A}:assumed-role/R/{session}"), None) == text


@pytest.mark.parametrize(
    "session, instance",
    [
        ("i-0123456789abcdef0", True),
        ("i-01234567", True),
        ("i-0123456", False),
        ("i-0123456789abcdef01", False),
        ("j-01234567", False),
        ("i-0123-567", False),
        ("i-0123456é", False),
        ("", False),
    ],
)
def test_instance_ids(session: str, instance: bool) -> None:
    """Only ``i-`` with 8 or 17 word characters is an instance's session (TPL-01)."""
    assert (instance_id_of(session) is not None) is instance


async def test_the_name_is_looked_up_once_per_template() -> None:
    """Two mentions of the instance's name cost one look-up."""
    asked = []

    async def find(instance_id: str) -> str:
        asked.append(instance_id)
        return "ip-10-0-0-1"

    text = await render("{{EC2PrivateDNSName}}.{{EC2PrivateDNSName}}", identity(NODE), find)
    assert (text, asked) == ("ip-10-0-0-1.ip-10-0-0-1", ["i-0123456789abcdef0"])


@pytest.mark.parametrize(
    "answer, code, retryable",
    [
        pytest.param("", "mapping.template_failed", False, id="empty-name"),
        pytest.param(AwsUnreachable("EC2 is down"), "mapping.private_dns_unavailable", True, id="outage"),
        pytest.param(Refused("no such instance"), "mapping.template_failed", False, id="refused"),
        pytest.param(None, "mapping.template_failed", False, id="nobody-to-ask"),
    ],
)
async def test_no_name_no_login(answer: str | Exception | None, code: str, retryable: bool) -> None:
    """An instance without a name never becomes ``system:node:``; an outage is told from a no."""

    async def find(instance_id: str) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer or ""

    with pytest.raises(TemplateError) as caught:
        await render("system:node:{{EC2PrivateDNSName}}", identity(NODE), None if answer is None else find)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert caught.value.hint or isinstance(answer, Refused)
