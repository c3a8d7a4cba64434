"""Clocks that are set forward or back by an hour while a server runs: nobody gets in who may not, and it passes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from cryptography import x509
from tests.authenticator.serving import MAPPED, SESSION, Sts
from tests.authenticator.tokens import signed

from eksauth.authenticator.config import parse_server_config
from eksauth.authenticator.decide import build_authenticator
from eksauth.authenticator.server.certs import expires_at, make_pair
from eksauth.authenticator.server.reviews.cache import VerificationCache
from eksauth.authenticator.server.reviews.judge import Judge
from eksauth.authenticator.sts.client import StsRefused

HOUR = 3600.0


@dataclass
class Machine:
    """A server's judge on a machine whose clock can be set; time passes on both clocks.

    :ivar offset: how far the clock is from the truth.
    """

    sts: Sts = field(default_factory=lambda: Sts(SESSION))
    truth: float = 1_800_000_000.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        config = parse_server_config(MAPPED.replace("clusterID: demo", "clusterID: demo-cluster"), "s.yaml")
        self.judge = Judge(
            build_authenticator(config, self.sts, now=self.wall),
            VerificationCache(
                ttl=900, negative_ttl=30, size=100, negative_size=100, wall=self.wall, tick=lambda: self.truth
            ),
            cluster_id="demo-cluster",
            max_verifications=10,
            time_limit=5,
        )

    def wall(self) -> float:
        """Return what the clock shows."""
        return self.truth + self.offset

    def token(self) -> str:
        """Return a token that somebody with a good clock signs now."""
        return signed(amz_date=time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.truth)))

    async def reason(self, token: str) -> str:
        """Return what becomes of a token; empty for a grant."""
        decision = (await self.judge.judge(token)).decision
        assert bool(decision.user) is decision.allowed
        return "" if decision.allowed else decision.reason


@pytest.mark.parametrize(
    "jump, reason", [(HOUR, "token.expired"), (-HOUR, "token.future_date")], ids=["forward", "back"]
)
async def test_a_clock_that_is_wrong_for_a_while(jump: float, reason: str) -> None:
    """While it is wrong new tokens are refused for their date, which says so; then the same tokens get in."""
    machine = Machine()
    machine.offset = jump
    token = machine.token()
    assert await machine.reason(token) == reason
    machine.truth += 60
    machine.offset = 0
    assert await machine.reason(token) == ""


async def test_a_jump_forward_ends_what_is_remembered() -> None:
    """A token that is dead by the clock is asked about no more, and gets in again when the clock is put right."""
    machine = Machine()
    token = machine.token()
    assert await machine.reason(token) == ""
    machine.offset = HOUR
    assert await machine.reason(token) == "token.expired"
    machine.offset = 0
    assert await machine.reason(token) == ""


async def test_a_jump_back_prolongs_nothing() -> None:
    """However far the clock is set back, a grant is remembered for its fifteen minutes at most."""
    machine = Machine()
    token = machine.token()
    assert await machine.reason(token) == ""
    machine.offset = -HOUR
    machine.truth += 899
    assert await machine.reason(token) == ""
    machine.truth += 2
    assert await machine.reason(token) == "token.future_date"
    machine.offset = 0
    assert await machine.reason(token) == "token.expired"


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_refusal_of_sts_is_forgotten_in_time(jump: float) -> None:
    """What STS refused is asked again after thirty seconds that pass, wherever the clock is set to."""
    machine = Machine(Sts(StsRefused("no", code="sts.signature_mismatch")))
    token = machine.token()
    assert await machine.reason(token) == "sts.signature_mismatch"
    machine.offset = jump
    machine.truth += 31
    machine.sts.answer = SESSION
    machine.offset = 0
    assert await machine.reason(token) == ""


def test_a_certificate_made_with_a_wrong_clock() -> None:
    """Machines boot with clocks that are ahead: the certificate of a first start is good by the right clock, too."""
    pem, _ = make_pair([], 1_800_000_000.0 + 24 * HOUR)
    assert x509.load_pem_x509_certificate(pem).not_valid_before_utc.timestamp() <= 1_800_000_000.0
    assert expires_at(pem) > 1_800_000_000.0 + 90 * 365 * 24 * HOUR
