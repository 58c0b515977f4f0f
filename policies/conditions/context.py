"""`context: {customer_tenure_days: {lt: 7}, reason_code: fraudulent}`: what the caller knows about the case.

`metadata.<key>` reads the movement's own metadata. All that is said must hold.
"""

import re
from typing import ClassVar

from policies.conditions.fact_group import FactGroup
from policies.conditions.predicates import FREE_TEXT, Vocabulary

_METADATA = re.compile(r"metadata\.[!-~]{1,40}")


class Context(FactGroup, frozen=True):
    kind: ClassVar[str] = "context"
    numbers: ClassVar[tuple[str, ...]] = ("customer_tenure_days",)
    words: ClassVar[dict[str, Vocabulary]] = {"customer_id": FREE_TEXT, "reason_code": FREE_TEXT, "source": FREE_TEXT}

    @classmethod
    def known(cls) -> tuple[str, ...]:
        return (*super().known(), "metadata.<key>")

    @classmethod
    def vocabulary_of(cls, name: str) -> Vocabulary | None:
        return FREE_TEXT if _METADATA.fullmatch(name) else super().vocabulary_of(name)

    @classmethod
    def fact_of(cls, name: str) -> str:
        return name if name.startswith("metadata.") else super().fact_of(name)
