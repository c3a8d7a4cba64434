"""Names of nodes: batches, memory, limits, and what goes wrong in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from eksauth.authenticator.nodes.ec2 import Ec2
from eksauth.authenticator.nodes.names import NameLimits, NoSuchInstance, PrivateDnsNames
from eksauth.authenticator.nodes.rate import RateLimit
from eksauth.errors import AwsError, AwsUnreachable, ConfigError


@dataclass
class Cloud:
    """EC2 with these instances; each call waits for the gate."""

    names: dict[str, str] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    error: AwsError | None = None
    now: float = 0.0

    async def describe(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        self.calls.append(list(instance_ids))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return {one: self.names[one] for one in instance_ids if one in self.names}

    def names_of(self, **limits: float) -> PrivateDnsNames:
        chosen = NameLimits(**{"wait": 0.01, **limits})  # type: ignore[arg-type]
        return PrivateDnsNames(self.describe, RateLimit(10_000, 1_000), limits=chosen, clock=lambda: self.now)


def ids(count: int) -> list[str]:
    """Return instance ids."""
    return [f"i-{number:017x}" for number in range(count)]


async def test_one_instance_is_looked_up_and_remembered() -> None:
    """EC2-01: the second time costs no call, until the name's life is over."""
    cloud = Cloud({"i-1": "ip-10-0-0-1"})
    names = cloud.names_of(ttl=100.0)
    assert [await names.find("i-1") for _ in range(3)] == ["ip-10-0-0-1"] * 3
    assert len(cloud.calls) == 1
    cloud.now = 100.0
    await names.find("i-1")
    assert len(cloud.calls) == 2
    await names.close()


async def test_many_at_once_are_few_calls() -> None:
    """EC2-02: 1,000 nodes that start together, each asking three times, are ten calls of a hundred."""
    wanted = ids(1_000)
    cloud = Cloud({one: f"name-{one}" for one in wanted})
    names = cloud.names_of()
    found = await asyncio.gather(*(names.find(one) for one in wanted * 3))
    assert found == [f"name-{one}" for one in wanted * 3]
    assert sorted(map(len, cloud.calls)) == [100] * 10
    await names.close()


async def test_one_unknown_instance_does_not_spoil_the_batch() -> None:
    """The others get their names; the unknown one is refused, and asked for again after a moment."""
    cloud = Cloud({"i-1": "one"})
    names = cloud.names_of(negative_ttl=5.0)
    good, bad = await asyncio.gather(names.find("i-1"), names.find("i-2"), return_exceptions=True)
    assert good == "one"
    assert isinstance(bad, NoSuchInstance)
    with pytest.raises(NoSuchInstance):
        await names.find("i-2")
    assert len(cloud.calls) == 1
    cloud.now, cloud.names["i-2"] = 5.0, "two"
    assert await names.find("i-2") == "two"
    await names.close()


async def test_an_empty_name_is_no_name() -> None:
    """An instance that is starting has an empty name: nobody logs in as a node without one, now or later."""
    cloud = Cloud({"i-1": ""})
    names = cloud.names_of(negative_ttl=1.0)
    with pytest.raises(NoSuchInstance):
        await names.find("i-1")
    cloud.now, cloud.names["i-1"] = 1.0, "late"
    assert await names.find("i-1") == "late"
    await names.close()


async def test_a_failed_call_fails_those_who_wait_and_is_not_remembered() -> None:
    """An outage is told to everybody in the batch; the next login asks again."""
    cloud = Cloud({"i-1": "one"}, error=AwsUnreachable("gone"))
    names = cloud.names_of()
    failed = await asyncio.gather(*(names.find("i-1") for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, AwsUnreachable) for one in failed)
    cloud.error = None
    assert await names.find("i-1") == "one"
    await names.close()


async def test_who_gives_up_does_not_spoil_it_for_others() -> None:
    """One request is cancelled, another for the same instance gets the name."""
    cloud = Cloud({"i-1": "one"})
    names = cloud.names_of(wait=0.05)
    first, second = asyncio.ensure_future(names.find("i-1")), asyncio.ensure_future(names.find("i-1"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "one"
    await names.close()


async def test_memory_and_waiting_are_bounded() -> None:
    """Random instance ids fill neither memory nor queue without end."""
    cloud = Cloud()
    names = cloud.names_of(names=10, waiting=20, negative_ttl=1000.0)
    answers = await asyncio.gather(*(names.find(one) for one in ids(50)), return_exceptions=True)
    assert all(isinstance(one, NoSuchInstance) for one in answers)
    assert sum(map(len, cloud.calls)) == 20
    assert len(names._known) == 10
    await names.close()


async def test_closing_ends_whoever_waits() -> None:
    """No task and no waiter is left."""
    names = Cloud({"i-1": "one"}).names_of(wait=60.0)
    waiting = asyncio.ensure_future(names.find("i-1"))
    await asyncio.sleep(0.01)
    await names.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_rate_holds_in_the_long_run() -> None:
    """RL-01…04: a burst goes at once, then each call waits for its share of a second."""
    now = 0.0
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    rate = RateLimit(15, 5, clock=lambda: now, sleep=sleep)
    for _ in range(5):
        await rate.take()
    assert slept == []
    for _ in range(15):
        await rate.take()
    assert now == pytest.approx(1.0)
    now += 10
    for _ in range(5):
        await rate.take()
    assert now == pytest.approx(11.0)


@pytest.fixture(name="moto_url", scope="module")
def moto_url_() -> Iterator[str]:
    """Run moto's EC2."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("role", ["", "arn:aws:iam::123456789012:role/describe"], ids=["own", "role"])
async def test_ec2_itself_is_asked(moto_url: str, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real instances of moto have their names, unknown ones are left out, also through a role with source headers."""
    import botocore.session

    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    ec2 = botocore.session.Session().create_client("ec2", "eu-west-1")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    made = ec2.run_instances(ImageId=image, MinCount=3, MaxCount=3)["Instances"]
    ec2.close()
    calls: list[int] = []
    asked = Ec2(
        role_arn=role, source_arn="arn:aws:eks:eu-west-1:111122223333:cluster/demo", called=lambda: calls.append(1)
    )
    found = await asked.describe([*(one["InstanceId"] for one in made), "i-0123456789abcdef0"])
    assert found == {one["InstanceId"]: one["PrivateDnsName"] for one in made}
    assert len(calls) == 1


async def test_an_endpoint_that_is_gone_is_an_aws_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What botocore raises comes as ours, so that the login is answered as one to try again."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(AwsUnreachable):
        await Ec2().describe(["i-1"])


def test_bad_arns_stop_the_server_with_a_sentence() -> None:
    """The reference panics on these."""
    with pytest.raises(ConfigError, match=r"server\.sourceARN is no ARN"):
        Ec2(source_arn="demo")
