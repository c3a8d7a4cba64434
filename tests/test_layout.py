"""The public surface is what __all__ says."""

from __future__ import annotations

import eksauth


def test_public_names_are_sorted_and_importable() -> None:
    """Every public name loads, and dir() lists exactly those."""
    assert sorted(eksauth.__all__) == list(eksauth.__all__) == dir(eksauth)
    for name in eksauth.__all__:
        assert getattr(eksauth, name) is not None
