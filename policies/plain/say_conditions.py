"""Conditions in plain words, from the document that YAML would state. `meaning` reads them back."""

from collections.abc import Callable
from typing import Any

from policies.conditions.predicates import BOUNDS
from policies.plain.amounts import money_text
from policies.plain.words import (
    action_text,
    all_of_text,
    any_of_text,
    days_text,
    name_text,
    ordinal_text,
    quoted,
    span_text,
    zone_text,
)

Document = dict[str, Any]

_PREPOSITIONS = {
    "customer": "to",
    "counterparty": "to",
    "initiator": "by",
    "charge": "of",
    "merchant": "at",
}
_PEOPLE = {"agent": "an agent", "service": "a service", "person": "a person"}
_NOUNS = {
    "context.customer_id": ("for", "customer", "customers"),
    "context.reason_code": ("with", "reason code", "reason codes"),
    "context.source": ("from", "source", "sources"),
    "counterparty.country": ("to", "country", "countries"),
    "counterparty.id": ("to", "counterparty", "counterparties"),
    "counterparty.stripe_account_id": ("to", "account", "accounts"),
    "merchant.stripe_account_id": ("at", "merchant", "merchants"),
    "merchant.stripe_connection_id": ("through", "connection", "connections"),
}


def movements_text(when: Document) -> str:
    """What a rule is about: `refunds over $150 for customers of under 7 days`, `on stripe_daa, agent payments`."""
    rail, parts = place_of(when)
    return _movements(parts) if rail is None else f"on {name_text(rail)}, {_movements(parts)}"


def condition_text(condition: Document) -> str:
    """What one condition asks for, as it stands in a sentence: `by an agent`, `to the country US`."""
    return _modifier(condition)


def place_of(when: Document) -> tuple[str | None, list[Document]]:
    """The rail that the sentence begins with, if it does, and what else must hold."""
    parts = when["all"] if "all" in when and len(when["all"]) > 1 else [when]
    rail = parts[0].get("rail")
    return (rail, parts[1:]) if isinstance(rail, str) and len(parts) > 1 else (None, parts)


def _movements(parts: list[Document]) -> str:
    action = parts[0].get("rail_action")
    if action is None:
        subject = "movements"
    elif isinstance(action, dict):
        subject = f"movements other than {any_of_text(map(action_text, listed(action['not_in'])))}"
    else:
        subject = all_of_text(map(action_text, listed(action)))
    return " ".join([subject, *(_modifier(part) for part in (parts if action is None else parts[1:]))])


def listed(words: Any) -> list[str]:
    return words if isinstance(words, list) else [words]


def _modifier(condition: Document) -> str:
    ((kind, said),) = condition.items()
    return _MODIFIERS[kind](said)


def _alternatives(condition: Document) -> str:
    """What stands between parentheses: alternatives, each of conditions that must all hold."""
    if "any" in condition and len(condition["any"]) > 1:
        return "; or ".join(_alternative(each) for each in condition["any"])
    return _alternative(condition)


def _alternative(condition: Document) -> str:
    if "all" in condition and len(condition["all"]) > 1:
        return " ".join(_modifier(each) for each in condition["all"])
    return _modifier(condition)


def _all(said: list[Document]) -> str:
    return f"({_alternatives({'all': said})})" if len(said) > 1 else f"all of ({_alternatives(said[0])})"


def _any(said: list[Document]) -> str:
    if len(said) == 1:
        return f"any of ({_alternative(said[0])})"
    amounts = [each["amount"] for each in said if "amount" in each]
    limits = {key for amount in amounts for key in amount if key != "currency"}
    # One limit in several currencies: over $150 or €140.
    if len(amounts) == len(said) and len(limits) == 1:
        (key,) = limits
        return _limits({key: any_of_text(_money(each[key], each["currency"]) for each in amounts)}, of="of ")
    return f"({_alternatives({'any': said})})"


def _not(said: Document) -> str:
    time = said.get("time_of_day", {})
    if "from" in time and "days" in time:
        # "Outside … on Monday to Friday" could be heard as leaving the weekend alone, which it does not.
        return f"except between {time['from']} and {time['until']} {_days(time)}"
    if "from" in time:
        return f"outside {time['from']} to {time['until']} {_days(time)}"
    return f"not ({_alternatives(said)})"


def _amount(said: Document) -> str:
    bounds = {key: _money(value, said["currency"]) for key, value in said.items() if key != "currency"}
    return _limits(bounds, of="of ")


def _money(quantity: int | str, asset: str) -> str:
    units = int(quantity)
    return f"{units:,} units of {name_text(asset)}" if "/" in asset else money_text(units, asset)


def _limits(bounds: dict[str, str], of: str = "") -> str:
    """`over $150`, `of at least $135 but under $150`. `of` stands before all but over and under."""
    low = f"over {bounds['gt']}" if "gt" in bounds else f"at least {bounds['gte']}" if "gte" in bounds else ""
    high = f"under {bounds['lt']}" if "lt" in bounds else f"at most {bounds['lte']}" if "lte" in bounds else ""
    if bounds.keys() == {"gte", "lte"}:
        least, most = bounds["gte"], bounds["lte"]
        return f"{of}exactly {least}" if least == most else f"{of}{least} to {most}"
    text = " but ".join(each for each in (low, high) if each)
    return text if text.startswith(("over", "under")) else of + text


def _numbers(bounds: dict[str, int | str]) -> dict[str, str]:
    return {key: f"{int(value):,}" for key, value in bounds.items()}


def _words(preposition: str, singular: str, plural: str, said: Any) -> str:
    """`to the country US`, `to the countries CU or IR`, `to a country other than US`, `… on the list blocked`."""
    one = f"{preposition} {'an' if singular[0] in 'aeiou' else 'a'} {singular}"
    match said:
        case {"in_list": slug}:
            return f"{one} on the list {name_text(slug)}"
        case {"not_in_list": slug}:
            return f"{one} not on the list {name_text(slug)}"
        case {"not_in": words}:
            return f"{one} other than {_values(words)}"
        case _:
            return f"{preposition} the {plural if isinstance(said, list) else singular} {_values(said)}"


def _values(words: Any) -> str:
    return any_of_text(map(name_text, listed(words)))


def _rail(said: Any) -> str:
    return f"on a rail other than {_values(said['not_in'])}" if isinstance(said, dict) else f"on {_values(said)}"


def _currency(said: Any) -> str:
    if isinstance(said, dict):
        return f"in a currency other than {_currencies(said['not_in'])}"
    return f"in {_currencies(said)}"


def _currencies(codes: Any) -> str:
    return any_of_text(name_text(code if "/" in code else code.upper()) for code in listed(codes))


def _rail_action(said: Any) -> str:
    negated = isinstance(said, dict)
    actions = any_of_text(map(action_text, listed(said["not_in"] if negated else said)))
    return f"that are {'not ' if negated else ''}{actions}"


def _initiator_kind(said: Any) -> str:
    if isinstance(said, dict):
        return f"by initiators of a kind other than {_values(said['not_in'])}"
    known = isinstance(said, str) and said in _PEOPLE
    return f"by {_PEOPLE[said]}" if known else f"by initiators of kind {_values(said)}"


def _scopes(said: Any) -> str:
    quantifier, scopes = next(iter(said.items())) if isinstance(said, dict) else ("any_of", said)
    if quantifier == "all_of":
        return f"with all the scopes ({' and '.join(map(name_text, listed(scopes)))})"
    noun = "scopes" if isinstance(scopes, list) else "scope"
    return f"{'with' if quantifier == 'any_of' else 'without'} the {noun} {_values(scopes)}"


def _facts(group: str) -> Callable[[Document], str]:
    return lambda said: " and ".join(_fact(f"{group}.{name}", each) for name, each in said.items())


def _fact(name: str, said: Any) -> str:
    if name in _NOUNS:
        return _words(*_NOUNS[name], said)
    if name == "context.customer_tenure_days":
        last = list(said.values())[-1]
        return f"for customers of {_limits(_numbers(said))} {'day' if last == 1 else 'days'}"
    if name == "context.marked_for_review":
        return "that are marked for review" if said else "that are not marked for review"
    _, group, key = name.split(".", 2)
    return f"with {'metadata' if group == 'metadata' else 'context'} {name_text(key)} {_set(said)}"


def _set(said: Any) -> str:
    match said:
        case {"in_list": slug}:
            return f"on the list {name_text(slug)}"
        case {"not_in_list": slug}:
            return f"not on the list {name_text(slug)}"
        case {"not_in": words}:
            return f"not set to {_values(words)}"
        case dict():
            return f"of {_limits(_numbers(said))}"
        case _:
            return f"set to {_values(said)}"


def _window(said: Document) -> str:
    bounds: Document = {key: said[key] for key in BOUNDS if key in said}
    actions, per, span = said.get("rail_action"), said["per"], span_text(said["within"])
    is_nth = said["measure"] == "count" and bounds.keys() == {"gte"} and bounds["gte"] > 0
    if is_nth and not isinstance(actions, list) and "rail" not in said and per in _PREPOSITIONS:
        which = f"{ordinal_text(bounds['gte'])} or later{f' {action_text(actions, single=True)}' if actions else ''}"
        return f"that are the {which} {_PREPOSITIONS[per]} one {per} within {span}"
    total = said["measure"] == "sum"
    of = f" of {any_of_text(map(action_text, listed(actions)))}" if actions else ""
    on = f" on {name_text(said['rail'])}" if "rail" in said else ""
    reached = {key: _money(value, said["currency"]) for key, value in bounds.items()} if total else _numbers(bounds)
    return f"that bring the {per}'s {'total' if total else 'count'}{of}{on} within {span} to {_limits(reached)}"


def _time(said: Document) -> str:
    hours = f"between {said['from']} and {said['until']} " if "from" in said else ""
    return hours + _days(said)


def _days(said: Document) -> str:
    days = f"on {days_text(said['days'])} " if "days" in said else ""
    return f"{days}({zone_text(said['zone'])} time)"


def _expression(said: str) -> str:
    return f"where the expression {quoted(said)} holds"


_MODIFIERS: dict[str, Callable[[Any], str]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "amount": _amount,
    "currency": _currency,
    "rail": _rail,
    "rail_action": _rail_action,
    "initiator_kind": _initiator_kind,
    "initiator_id": lambda said: _words("by", "initiator", "initiators", said),
    "agent_scope": _scopes,
    "counterparty": _facts("counterparty"),
    "merchant": _facts("merchant"),
    "context": _facts("context"),
    "rolling_window": _window,
    "time_of_day": _time,
    "custom_expression": _expression,
}
