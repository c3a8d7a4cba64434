"""Tokens made by others: botocore with a frozen clock, and aws-iam-authenticator's format."""

from __future__ import annotations

ACCESS_KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

# id: cluster, region, session token, date, signature, token length
VECTORS = {
    "authenticator-V1": (
        "demo-cluster",
        "us-west-2",
        None,
        "20260101T000000Z",
        "8a16ff69737a21077b35a180c6dd88291b8938e24f18619221ea97cadf01313b",
        481,
    ),
    "authenticator-V2": (
        "demo-cluster",
        "eu-west-1",
        "FwoG/Zz+Example==Token",
        "20260101T000000Z",
        "f83b24d1b491c86d77eaf4cd686add0dd3294a9bfe9a55f72a1351e1af374d29",
        550,
    ),
    "authenticator-V3-global": (
        "demo-cluster",
        "aws-global",
        None,
        "20260101T000000Z",
        "d79a624210b4776dc0b9eeece88f3fa79c95185b025b659d1cae3f78424a8853",
        467,
    ),
    "authenticator-V4-china": (
        "demo-cluster",
        "cn-north-1",
        None,
        "20260101T000000Z",
        "1f131039ff7852e51736a75e11a1d81bcabe03adb38bcad012ffa477766ca0ca",
        487,
    ),
    "awscli-plain": (
        "demo",
        "us-west-2",
        None,
        "20240102T030405Z",
        "6807fffdad3d8e5407243c91f91caeb5cab5c5491413a9926ebc1a9456a2eb80",
        None,
    ),
    "awscli-session-token": (
        "demo",
        "us-east-1",
        "IQoJb3JpZ2luX2VjEXAMPLE/+==",
        "20240102T030405Z",
        "098b6ac1d0797fcf1bef51660955a8f626b745e8bfbc8abf5bd110806c226500",
        None,
    ),
    "awscli-china": (
        "my-cluster",
        "cn-north-1",
        None,
        "20240102T030405Z",
        "2371dea26f7609efa8fca64ea01eb69584973242a15e85913b6913e72bb3e9cc",
        None,
    ),
    "awscli-outposts-govcloud": (
        "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "us-gov-west-1",
        None,
        "20240102T030405Z",
        "9e56e0dd1567def81f59c19ef40020d16c2742abaa9dd02875b0dda8d3f67358",
        None,
    ),
}
