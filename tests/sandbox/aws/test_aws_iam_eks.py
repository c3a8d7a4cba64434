"""IAM is moto's, behind our signature and permission checks; EKS shows the registered clusters."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import quote

import pytest

from eksauth.aws.access_keys import unverified_account_of
from eksauth.sandbox.aws.cloud import Cloud
from eksauth.sandbox.aws.clusters import Cluster
from eksauth.sandbox.aws.seed import ACCOUNT, plant

IDENTITY = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}}'


def new_key(own_lab: Any, admin: Any, user: str) -> Any:
    """Make an access key through the IAM API."""
    answer = own_lab.iam(admin, "CreateAccessKey", UserName=user)
    assert answer.status == 200, answer
    root = ET.fromstring(answer.body)
    found = {name: root.findtext(f".//{{*}}{name}") or "" for name in ("AccessKeyId", "SecretAccessKey")}
    return type(admin)(found["AccessKeyId"], found["SecretAccessKey"])


def test_keys_made_through_iam_work_at_sts(own_lab: Any) -> None:
    """A user and key created through the API sign requests at once, and the key id carries the account."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    assert own_lab.iam(admin, "CreateUser", UserName="zoe", Path="/ops/").status == 200
    key = new_key(own_lab, admin, "zoe")
    assert key.access_key_id.startswith("AKIA")
    assert unverified_account_of(key.access_key_id) == ACCOUNT
    status, result = own_lab.call(key, "GetCallerIdentity")
    assert (status, result["Arn"]) == (200, f"arn:aws:iam::{ACCOUNT}:user/ops/zoe")
    listed = own_lab.iam(admin, "GetUser", UserName="zoe").body.decode()
    assert result["UserId"] in listed


def test_a_key_made_in_one_account_stays_there(own_lab: Any) -> None:
    """Users of the two accounts do not see each other's IAM."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    names = {user.text for user in ET.fromstring(own_lab.iam(admin, "ListUsers").body).iterfind(".//{*}UserName")}
    assert names == {"alice", "bob"}


def test_own_user_is_the_default(own_lab: Any) -> None:
    """Calls without UserName mean the caller; a role has to say whom it means."""
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}'
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    own_lab.iam(admin, "PutUserPolicy", UserName="bob", PolicyName="self", PolicyDocument=policy)
    answer = own_lab.iam(own_lab.key("bob"), "GetUser")
    assert ET.fromstring(answer.body).findtext(".//{*}UserName") == "bob"
    refused = own_lab.iam(admin, "GetUser")
    assert refused.status == 400
    assert b"Must specify userName" in refused.body


def test_group_policies_count(own_lab: Any) -> None:
    """A user has the policies of its groups."""
    admin, bob = own_lab.assume(own_lab.key(), "EksAdmin"), own_lab.key("bob")
    assert own_lab.eks(bob, "/clusters")[0] == 403
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"eks:List*","Resource":"*"}}'
    own_lab.iam(admin, "CreateGroup", GroupName="ops")
    own_lab.iam(admin, "PutGroupPolicy", GroupName="ops", PolicyName="list", PolicyDocument=policy)
    own_lab.iam(admin, "AddUserToGroup", GroupName="ops", UserName="bob")
    assert own_lab.eks(bob, "/clusters")[0] == 200


def test_policy_versions_count(own_lab: Any) -> None:
    """The default version of a managed policy decides, and only that."""
    admin, bob = own_lab.assume(own_lab.key(), "EksAdmin"), own_lab.key("bob")

    def document(action: str) -> str:
        body = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}
        return json.dumps(body)

    own_lab.iam(admin, "CreatePolicy", PolicyName="p", PolicyDocument=document("eks:ListClusters"))
    arn = f"arn:aws:iam::{ACCOUNT}:policy/p"
    own_lab.iam(admin, "AttachUserPolicy", UserName="bob", PolicyArn=arn)
    assert own_lab.eks(bob, "/clusters")[0] == 200
    own_lab.iam(admin, "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document("s3:*"), SetAsDefault="true")
    assert own_lab.eks(bob, "/clusters")[0] == 403


def test_iam_needs_permission(lab: Any) -> None:
    """Without an allowing policy IAM refuses and names action and resource, path included."""
    answer = lab.iam(lab.key("bob"), "GetUser", UserName="alice")
    text = ET.fromstring(answer.body).findtext(".//{*}Message") or ""
    assert answer.status == 403
    assert text == (
        f"User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: iam:GetUser on resource:"
        f" arn:aws:iam::{ACCOUNT}:user/team/alice because no identity-based policy allows the iam:GetUser action"
    )


@pytest.mark.parametrize(
    "action, parameters, status, code",
    [
        ("Nonsense", {}, 400, "InvalidAction"),
        ("", {}, 400, "InvalidAction"),
        ("GetUser", {"UserName": "nobody"}, 404, "NoSuchEntity"),
        ("CreateUser", {}, 400, "ValidationError"),
        ("CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": "{"}, 400, "MalformedPolicyDocument"),
        ("CreateRole", {"RoleName": "r", "AssumeRolePolicyDocument": IDENTITY}, 400, "MalformedPolicyDocument"),
        (
            "PutUserPolicy",
            {"UserName": "bob", "PolicyName": "p", "PolicyDocument": TRUST},
            400,
            "MalformedPolicyDocument",
        ),
        ("PutUserPolicy", {"UserName": "bob", "PolicyName": "p"}, 400, "ValidationError"),
        ("GenerateOrganizationsAccessReport", {"EntityPath": "x"}, 501, "NotImplemented"),
    ],
    ids=str,
)
def test_iam_errors(lab: Any, action: str, parameters: dict[str, str], status: int, code: str) -> None:
    """Errors are XML with a code, whether ours or moto's; nothing ends in a 500."""
    answer = lab.iam(lab.assume(lab.key(), "EksAdmin"), action, **parameters)
    assert (answer.status, ET.fromstring(answer.body).findtext(".//{*}Code")) == (status, code)


def test_account_header_of_moto_is_powerless(own_lab: Any) -> None:
    """Moto's own way to choose an account by header does not reach into another account."""
    admin = own_lab.assume(own_lab.key(), "EksAdmin")
    body = b"Action=ListUsers&Version=2010-05-08"
    request = own_lab.signed(
        admin, service="iam", region="us-east-1", body=body, headers={"x-moto-account-id": "444455556666"}
    )
    assert b"carol" not in own_lab.cloud.answer(request).body


def test_two_clouds_do_not_share_users() -> None:
    """Several endpoints in one process each have their own IAM, although moto has one per process."""
    first, second = Cloud(), Cloud()
    one, two = plant(first.iam), plant(second.iam)
    assert first.iam.find_key(two.users["bob"].access_key_id, ACCOUNT) is None
    assert first.iam.find_key(one.users["bob"].access_key_id, ACCOUNT) is not None
    assert second.iam.find_key(two.users["bob"].access_key_id, ACCOUNT) is not None


def test_moto_used_elsewhere_is_left_alone() -> None:
    """What a test keeps in moto itself is neither seen nor changed by an endpoint."""
    from moto.iam.models import iam_backends

    iam_backends["999988887777"]["aws"].create_user("aws", "outsider", "/")
    try:
        cloud = Cloud()
        plant(cloud.iam)
        assert "outsider" in iam_backends["999988887777"]["aws"].users
        assert "alice" not in iam_backends[ACCOUNT]["aws"].users
    finally:
        iam_backends.clear()


def test_describe_cluster(lab: Any) -> None:
    """DescribeCluster shows the registered endpoint and CA, and the fields that clients read."""
    status, document, _ = lab.eks(lab.key(), "/clusters/demo")
    found = document["cluster"]
    assert status == 200
    assert found["arn"] == f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo"
    assert (found["endpoint"], found["certificateAuthority"]) == ("https://127.0.0.1:6443", {"data": "Q0E="})
    assert (found["status"], found["accessConfig"]["authenticationMode"]) == ("ACTIVE", "API_AND_CONFIG_MAP")
    assert found["identity"]["oidc"]["issuer"].startswith("https://oidc.eks.us-west-2.amazonaws.com/id/")


def test_describe_cluster_matches_the_service_model(lab: Any) -> None:
    """Every member is one that botocore's model of EKS has, down to the leaves."""
    import botocore.session

    shape = botocore.session.Session().get_service_model("eks").operation_model("DescribeCluster").output_shape

    def unknown(value: Any, shape: Any, where: str) -> list[str]:
        if shape.type_name == "structure":
            missing = [f"{where}.{name}" for name in value if name not in shape.members]
            known = [(name, inner) for name, inner in value.items() if name in shape.members]
            return missing + [bad for name, inner in known for bad in unknown(inner, shape.members[name], name)]
        if shape.type_name == "list":
            return [bad for inner in value for bad in unknown(inner, shape.member, where)]
        return []

    assert unknown(lab.eks(lab.key(), "/clusters/demo")[1], shape, "") == []


@pytest.mark.parametrize(
    "path, region",
    [("/clusters/nope", "us-west-2"), ("/clusters/demo", "eu-west-1"), ("/clusters/demo-eu", "us-west-2")],
    ids=["name", "region", "region-back"],
)
def test_clusters_that_are_not_there(lab: Any, path: str, region: str) -> None:
    """A cluster of another name or region is not found, in EKS's words."""
    name = path.rpartition("/")[2]
    assert lab.eks(lab.key(), path, region) == (
        404,
        {"message": f"No cluster found for name: {name}."},
        "ResourceNotFoundException",
    )


def test_clusters_of_another_account(lab: Any) -> None:
    """The same name asked for from another account is another cluster."""
    key = lab.assume(lab.key(), "PartnerRole")
    assert lab.eks(key, "/clusters/demo")[2] == "ResourceNotFoundException"


def test_describe_needs_permission(lab: Any) -> None:
    """The refusal names the cluster's ARN and the action, as EKS writes it."""
    status, document, code = lab.eks(lab.key("bob"), "/clusters/demo")
    assert (status, code) == (403, "AccessDeniedException")
    assert document["message"] == (
        f"User: arn:aws:iam::{ACCOUNT}:user/bob is not authorized to perform: eks:DescribeCluster on resource:"
        f" arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo because no identity-based policy allows the"
        " eks:DescribeCluster action"
    )


def test_list_clusters_in_pages(own_lab: Any) -> None:
    """Pages follow each other without gaps or repeats, and each region has its own list."""
    for number in range(7):
        own_lab.cloud.clusters.put(
            Cluster(name=f"c{number}", region="us-east-2", account=ACCOUNT, endpoint="https://x", ca_data="")
        )
    found: list[str] = []
    token: str | None = ""
    while token is not None:
        query = f"maxResults=3&nextToken={quote(token)}" if token else "maxResults=3"
        status, document, _ = own_lab.eks(own_lab.key(), "/clusters", "us-east-2", query)
        assert status == 200
        found += document["clusters"]
        token = document["nextToken"]
    assert found == [f"c{number}" for number in range(7)]
    assert own_lab.eks(own_lab.key(), "/clusters", "us-west-2")[1]["clusters"] == ["demo"]


@pytest.mark.parametrize(
    "query", ["maxResults=0", "maxResults=101", "maxResults=x", "maxResults=-1", "nextToken=%C3%A9", "nextToken=a"]
)
def test_bad_pages(lab: Any, query: str) -> None:
    """Page sizes and tokens out of range are invalid parameters."""
    status, _, code = lab.eks(lab.key(), "/clusters", query=query)
    assert (status, code) == (400, "InvalidParameterException")


@pytest.mark.parametrize("path", ["/clusters/demo/node-groups", "/clusters/demo/addons", "/", "/nothing"])
def test_the_rest_of_eks_is_not_implemented(lab: Any, path: str) -> None:
    """Operations that the sandbox lacks say so."""
    status, _, code = lab.eks(lab.key(), path)
    assert (status, code) == (501, "NotImplementedException")


def test_unknown_key_at_eks(lab: Any) -> None:
    """REST services spell the refusal of a key differently."""
    key = type(lab.key())("AKIARTX3GSDSAAAAAAAA", "x" * 40)
    assert lab.eks(key, "/clusters") == (
        403,
        {"message": "The security token included in the request is invalid."},
        "UnrecognizedClientException",
    )


def test_a_bug_inside_looks_like_aws_failing(own_lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    """An internal failure is a 500 without a word about the request, in the answer as in the log."""
    request = own_lab.presigned(own_lab.key())
    own_lab.cloud.sessions = None
    answer = own_lab.cloud.answer(request)
    assert (answer.status, answer.code) == (500, "InternalFailure")
    assert "internal failure in sts:GetCallerIdentity: AttributeError" in caplog.text
    assert request.query.decode() not in caplog.text
    assert "NoneType" not in answer.body.decode()


def test_unknown_service(lab: Any) -> None:
    """A service that the sandbox does not have is refused by name."""
    answer = lab.cloud.answer(lab.signed(lab.key(), method="GET", service="s3"))
    assert answer.status == 501
    assert b"s3" in answer.body
