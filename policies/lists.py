"""What a policy needs looked up in the organization's lists. The caller looks; no list's content is seen here."""

import msgspec


class ListSpec(msgspec.Struct, frozen=True):
    """The question whether what `subject_fact` says stands in the list `slug`.

    The answer is True, False, or None where the subject is absent or there is no such list.
    """

    slug: str
    subject_fact: str

    @property
    def fact(self) -> str:
        """The fact that carries the answer, e.g. `listed.vip_customers.context.customer_id`."""
        return f"listed.{self.slug}.{self.subject_fact}"
