"""`*_test.yaml`: what a policy must say about stated movements at a stated time."""

import re
from datetime import datetime
from typing import Any

import msgspec
import yaml

from axiru.domain.assets import folded_asset
from axiru.domain.movement import Amount, Context, Counterparty, Initiator, Merchant, Ovt, Target
from policies.errors import PolicyInvalid
from policies.reading import Reader
from policies.source import compose

_PARTS: dict[str, type[msgspec.Struct]] = {
    "initiator": Initiator,
    "counterparty": Counterparty,
    "merchant": Merchant,
    "target": Target,
    "context": Context,
}


class Movement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A movement as cases state it: the fields of the OVT, the amount flat. An initiator not stated is a service.

    The currency's case does not matter, as in a request.
    """

    rail: str
    rail_action: str
    amount_cents: int
    currency: str
    initiator: Initiator = Initiator("service", "policy-test")
    counterparty: Counterparty = Counterparty()
    merchant: Merchant = Merchant()
    target: Target = Target()
    context: Context = Context()
    metadata: dict[str, str] = msgspec.field(default_factory=dict)

    def ovt(self) -> Ovt:
        return Ovt(
            rail=self.rail,
            rail_action=self.rail_action,
            amount=Amount(str(self.amount_cents), folded_asset(self.currency)),
            initiator=self.initiator,
            counterparty=self.counterparty,
            merchant=self.merchant,
            target=self.target,
            context=self.context,
            metadata=self.metadata,
        )


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is compared. A field left out is not compared, except `flags`: a flag nobody expects is a failure."""

    outcome: str
    reason: str | None = None
    rule: str | None = None
    rule_kind: str | None = None
    message: str | None = None
    approver_role: str | None = None
    missing: tuple[str, ...] | None = None
    judged_as: str | None = None
    flags: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`windows` are what earlier movements add up to, by window name; a window left out is empty.

    `lists` are what the organization's lists hold, by slug; one left out is empty, and null means there is none.
    `labels` are the merchant's, by name; one left out is not set.
    """

    name: str
    now: str
    movement: Movement
    expect: Expectation
    windows: dict[str, int | None] = msgspec.field(default_factory=dict)
    lists: dict[str, tuple[str, ...] | None] = msgspec.field(default_factory=dict)
    labels: dict[str, bool | None] = msgspec.field(default_factory=dict)

    @property
    def at(self) -> datetime:
        return datetime.fromisoformat(self.now)


class CaseBook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    policy: str
    cases: tuple[Case, ...]


def read_cases(text: str) -> CaseBook:
    """The cases stated in `text`. Raises PolicyInvalid with line, column and hint, and nothing else."""
    root, faults = compose(text)
    reader = Reader(faults)
    plain = _plain(root, reader)
    if reader.errors:
        raise PolicyInvalid(reader.errors)
    try:
        book = msgspec.convert(plain, CaseBook)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        reader.report(_node_at(root, path), "invalid_case", message)
        raise PolicyInvalid(reader.errors) from None
    for index, case in enumerate(book.cases):
        movement = reader.entries(_node_at(root, f"$.cases[{index}].movement"))
        for name, part in _PARTS.items():
            if name in movement:
                # The domain's structs ignore what they do not know; in a case that is a slip that would pass unseen.
                reader.mapping(movement[name], [field.name for field in msgspec.structs.fields(part)])
        if not _has_zone(case.now):
            node = _node_at(root, f"$.cases[{index}].now")
            reader.report(node, "invalid_value", f"`{case.now}` is not a time", "RFC 3339: 2026-04-28T20:00:00Z")
    if reader.errors:
        raise PolicyInvalid(reader.errors)
    return book


def _plain(node: yaml.Node, reader: Reader) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {key: _plain(value, reader) for key, value in reader.entries(node).items()}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, reader) for item in node.value]
    if node.tag.endswith(":null"):
        return None
    if node.tag.endswith(":int"):
        return reader.integer(node)
    if node.tag.endswith(":bool") and node.value in {"true", "false"}:
        return node.value == "true"
    # A time stays the text it is; everything else must be written as text.
    return node.value if node.tag.endswith(":timestamp") else reader.text(node, max_characters=2000)


def _node_at(root: yaml.Node, path: str) -> yaml.Node:
    """The node that a msgspec path such as `$.cases[3].expect` points to, or the last one on the way that exists."""
    node = root
    for step in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        key, index = step
        if isinstance(node, yaml.MappingNode) and key:
            node = next((value for name, value in node.value if name.value == key), node)
        elif isinstance(node, yaml.SequenceNode) and index:
            node = node.value[int(index)]
    return node


def _has_zone(written: str) -> bool:
    try:
        return datetime.fromisoformat(written).tzinfo is not None
    except ValueError:
        return False
