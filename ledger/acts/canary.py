"""Which movements a canary decides: those of a fixed share of its subjects, the same ones every time. Pure."""

import hashlib
from typing import NamedTuple

from axiru.domain.movement import Ovt
from ledger.acts.standing import VersionInForce, subject_of

_SUBJECTS = ("customer", "counterparty", "merchant", "initiator")


class Canary(NamedTuple):
    """A canary's share, and the bucket that this movement's subject falls into."""

    slug: str
    version: int
    percent: int
    bucket: int

    @property
    def decides(self) -> bool:
        return self.bucket < self.percent


def canary_of(version: VersionInForce, ovt: Ovt) -> Canary:
    """By customer where the request names one; else by counterparty, merchant or, always there, initiator."""
    subject = next((subject for per in _SUBJECTS if (subject := subject_of(ovt, per))), "")
    return Canary(version.slug, version.version, version.canary_percent, bucket_of(version.id, subject))


def bucket_of(version_id: str, subject: str) -> int:
    """0 to 99. Another version has other subjects; a larger share keeps those of the smaller one."""
    digest = hashlib.sha256(f"{version_id}\0{subject}".encode()).digest()
    return int.from_bytes(digest) % 100
