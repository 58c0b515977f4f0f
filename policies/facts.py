"""One movement as the flat facts that rules read. A fact that is absent or None is unknown."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from axiru.domain.movement import Ovt
from policies.unseen import UNSEEN_IN_WORDS

Facts = Mapping[str, Any]
"""Dotted name to JSON value. Written to JSON and read back, the same facts give the same evaluation."""

_UNSEEN = re.compile(f"[{UNSEEN_IN_WORDS}]")
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def facts_of(
    ovt: Ovt,
    *,
    windows: Mapping[str, int | None],
    labels: Mapping[str, Any] = _NOTHING,
    listed: Mapping[str, bool | None] = _NOTHING,
) -> Facts:
    """The facts of `ovt`, with `windows` (by `WindowSpec.name`, the current movement excluded), `labels` and `listed`.

    `listed` answers by `ListSpec.fact`. Empty strings count as unknown: they state nothing. A label that is known not
    to be set is passed as False. Of what callers add to the context, only texts, integers and booleans are facts.
    """
    initiator, counterparty, context = ovt.initiator, ovt.counterparty, ovt.context
    facts: dict[str, Any] = {
        "rail": ovt.rail,
        "rail_action": ovt.rail_action,
        "amount_cents": ovt.amount.minor_units,
        "currency": ovt.amount.asset,
        "initiator.kind": initiator.kind or None,
        "initiator.id": initiator.id or None,
        "initiator.scopes": list(initiator.scopes),
        "counterparty.id": counterparty.id or None,
        "counterparty.stripe_account_id": counterparty.stripe_account_id or None,
        "counterparty.country": _country(counterparty.country or ""),
        "merchant.stripe_account_id": ovt.merchant.stripe_account_id or None,
        "merchant.stripe_connection_id": ovt.merchant.stripe_connection_id or None,
        "target.charge": ovt.target.charge or None,
        "target.payment_intent": ovt.target.payment_intent or None,
        "context.customer_id": context.customer_id or None,
        "context.customer_tenure_days": context.customer_tenure_days,
        "context.reason_code": code_text(context.reason_code or "") or None,
        "context.source": code_text(context.source or "") or None,
        "execute": ovt.execute,
    }
    for key, value in ovt.metadata.items():
        facts[f"metadata.{key}"] = value or None
    for key, value in context.extra.items():
        facts[f"extra.{key}"] = value if isinstance(value, str | int) and value != "" else None
    for name, total in windows.items():
        facts[f"window.{name}"] = total
    for key, label in labels.items():
        facts[f"label.{key}"] = label
    facts.update(listed)
    return facts


def code_text(written: str) -> str:
    """A reason code or a source as rules and facts carry it: `Fraudulent ` must not pass a rule about `fraudulent`."""
    return _UNSEEN.sub("", written).strip().casefold()


def _country(written: str) -> str | None:
    """Two capital letters (ISO 3166-1). What is no country states none: `CUB` must not pass a rule about `CU`."""
    code = written.strip().upper()
    return code if len(code) == 2 and code.isascii() and code.isalpha() else None
