"""The settling code to copy, in both languages, against the running product and the Stripe sandbox."""

import base64
import importlib.util
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from axiru_verifier import SettlementClient, TokenNotUsable

from axiru.dev.dev_json import DevJson

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".venv" / "bin" / "node"
CARD, DECLINED_CARD = "pm_card_visa", "pm_card_chargeDeclined"


class Refused(Exception):
    """What an example raised, by the name of its class."""


class PythonExample:
    """`settle_payment.py`, imported under an environment that names the stack."""

    def __init__(self, environment: dict[str, str]) -> None:
        with pytest.MonkeyPatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            spec = importlib.util.spec_from_file_location("settle_payment", ROOT / "examples" / "settle_payment.py")
            assert spec is not None
            assert spec.loader is not None
            self._module: Any = importlib.util.module_from_spec(spec)
            patched.setitem(sys.modules, "settle_payment", self._module)
            spec.loader.exec_module(self._module)

    def authorize(self, order_id: str, amount_cents: int, agent: str) -> str:
        return str(self._called(lambda: self._module.authorize(self._order(order_id, amount_cents, agent))))

    def settle(self, token: str, order_id: str, amount_cents: int, agent: str, card: str = CARD) -> str:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("STRIPE_PAYMENT_METHOD", card)
            order = self._order(order_id, amount_cents, agent)
            return str(self._called(lambda: self._module.settle(token, order).status))

    def close(self) -> None:
        self._module.axiru.close()

    def _order(self, order_id: str, amount_cents: int, agent: str) -> Any:
        return self._module.Order(order_id, amount_cents, "usd", agent)

    def _called(self, call: Any) -> Any:
        try:
            return call()
        except Exception as error:
            raise Refused(type(error).__name__) from error


class NodeExample:
    """`settle-payment.ts` in a Node of its own."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._node = subprocess.Popen(  # noqa: S603 - the Node of the environment
            [NODE, ROOT / "tests" / "sdk" / "settle_payment_driver.mjs", ROOT / "examples" / "settle-payment.ts"],
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def authorize(self, order_id: str, amount_cents: int, agent: str) -> str:
        return self._called(act="authorize", order=self._order(order_id, amount_cents, agent))

    def settle(self, token: str, order_id: str, amount_cents: int, agent: str, card: str = CARD) -> str:
        order = self._order(order_id, amount_cents, agent)
        return self._called(act="settle", token=token, order=order, payment_method=card)

    def close(self) -> None:
        self._node.communicate(timeout=20)

    def _order(self, order_id: str, amount_cents: int, agent: str) -> dict[str, Any]:
        return {"id": order_id, "amountCents": amount_cents, "currency": "usd", "agent": agent}

    def _called(self, **asked: Any) -> str:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(asked) + "\n")
        self._node.stdin.flush()
        answer = json.loads(self._node.stdout.readline())
        if "refused" in answer:
            # Stripe's library for Node puts its own name before its errors'.
            raise Refused(answer["refused"].removeprefix("Stripe"))
        return str(answer["said"])


Example = PythonExample | NodeExample


@pytest.fixture(scope="module", params=[PythonExample, NodeExample])
def example(request: pytest.FixtureRequest, stack: DevJson) -> Iterator[Example]:
    running: Example = request.param(
        {
            "AXIRU_URL": stack.api_url,
            "AXIRU_API_KEY": stack.api_keys["authorizations"],
            "AXIRU_ISSUER": stack.issuer,
            "AXIRU_ORGANIZATION": stack.organization_id,
            "STRIPE_API_BASE": stack.stripe_api_base,
            "STRIPE_API_KEY": "sk_test_owner",
        }
    )
    yield running
    running.close()


@pytest.fixture
def agent() -> str:
    """One of whose spending nothing else is known."""
    return f"agent_{uuid.uuid4().hex}"


@pytest.fixture
def order() -> str:
    return f"order_{uuid.uuid4().hex}"


def test_order_is_paid_once_and_reported(example: Example, order: str, agent: str, stack: DevJson) -> None:
    token = example.authorize(order, 2_500, agent)
    assert example.settle(token, order, 2_500, agent) == "succeeded"
    with pytest.raises(Refused, match="TokenNotUsable"):
        example.settle(token, order, 2_500, agent)
    [paid] = _payments(stack, token)
    assert (paid["params"]["amount"], paid["params"]["metadata"]["axiru_jti"]) == ("2500", _claims(token)["jti"])
    assert paid["idempotency_key"] == _claims(token)["decision_id"]
    assert _authorization(stack, token)["state"] == "executed"
    with pytest.raises(Refused, match="PaymentBlocked"):
        example.authorize(order, 2_500, agent)


def test_of_any_number_that_settle_at_once_one_pays(example: Example, order: str, agent: str, stack: DevJson) -> None:
    token = example.authorize(order, 2_500, agent)
    jti = _claims(token)["jti"]

    def consumed(_: int) -> bool:
        with SettlementClient(stack.api_url, stack.api_keys["authorizations"]) as client:
            try:
                return client.consume(jti).jti == jti
            except TokenNotUsable:
                return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(consumed, range(8))) == 1
    with pytest.raises(Refused, match="TokenNotUsable"):
        example.settle(token, order, 2_500, agent)
    assert _payments(stack, token) == []


def test_denied_order_gets_no_token(example: Example, order: str, agent: str) -> None:
    with pytest.raises(Refused, match="PaymentBlocked"):
        example.authorize(order, 60_000, agent)


def test_token_that_was_altered_pays_nothing(example: Example, order: str, agent: str, stack: DevJson) -> None:
    token = example.authorize(order, 2_500, agent)
    header, _, signature = token.split(".")
    more = base64.urlsafe_b64encode(json.dumps(_claims(token) | {"amount_cents": 250_000}).encode()).rstrip(b"=")
    for altered, refusal in (
        (f"{header}.{more.decode()}.{signature}", "SignatureInvalid"),
        (f"{token}==", "TokenMalformed"),
        (token[:-1] + ("A" if token[-1] != "A" else "Q"), "SignatureInvalid|TokenMalformed"),
    ):
        with pytest.raises(Refused, match=refusal):
            example.settle(altered, order, 2_500, agent)
    assert _payments(stack, token) == []
    assert example.settle(token, order, 2_500, agent) == "succeeded"


def test_token_pays_no_other_order(example: Example, order: str, agent: str, stack: DevJson) -> None:
    token = example.authorize(order, 2_500, agent)
    for other in ((order, 2_501, agent), (f"{order}x", 2_500, agent), (order, 2_500, f"{agent}x")):
        with pytest.raises(Refused, match="FingerprintMismatch"):
            example.settle(token, *other)
    assert _payments(stack, token) == []


def test_kill_switch_between_authorization_and_payment_stops_it(
    example: Example, order: str, agent: str, stack: DevJson
) -> None:
    token = example.authorize(order, 2_500, agent)
    with _kill_switch(stack), pytest.raises(Refused, match="TokenNotUsable"):
        example.settle(token, order, 2_500, agent)
    assert _payments(stack, token) == []
    assert example.settle(token, order, 2_500, agent) == "succeeded"


def test_declined_card_is_reported_and_pays_nothing(example: Example, order: str, agent: str, stack: DevJson) -> None:
    token = example.authorize(order, 2_500, agent)
    with pytest.raises(Refused, match="CardError"):
        example.settle(token, order, 2_500, agent, card=DECLINED_CARD)
    assert _authorization(stack, token)["state"] == "execution_failed"


def test_example_runs_as_a_program(stack: DevJson, order: str, agent: str) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "AXIRU_URL": stack.api_url,
        "AXIRU_API_KEY": stack.api_keys["authorizations"],
        "AXIRU_ISSUER": stack.issuer,
        "AXIRU_ORGANIZATION": stack.organization_id,
        "STRIPE_API_BASE": stack.stripe_api_base,
        "STRIPE_API_KEY": "sk_test_owner",
    }
    for program, file in ((NODE.with_name("python"), "settle_payment.py"), (NODE, "settle-payment.ts")):
        command = [program, ROOT / "examples" / file, f"{order}{file}", "2500", "usd", agent]
        done = subprocess.run(  # noqa: S603 - our own example
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.stdout, done.returncode) == ("succeeded\n", 0), done.stderr


def test_typescript_example_has_the_types_it_says() -> None:
    tsc = ROOT / "examples" / "node_modules" / "typescript" / "bin" / "tsc"
    command = [NODE, tsc, "-p", ROOT / "examples"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - its locked compiler
    assert checked.returncode == 0, checked.stdout


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


def _payments(stack: DevJson, token: str) -> list[dict[str, Any]]:
    """What Stripe was asked for in the name of the token's decision."""
    asked = httpx.get(
        f"{stack.stripe_api_base}/_sandbox/requests", params={"method": "POST", "path": "/v1/payment_intents"}
    )
    decision_id = _claims(token)["decision_id"]
    return [one for one in asked.json()["data"] if one["params"]["metadata"].get("axiru_decision_id") == decision_id]


def _authorization(stack: DevJson, token: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {stack.api_keys['authorizations']}"}
    answer = httpx.get(f"{stack.api_url}/api/v1/authorizations/{_claims(token)['decision_id']}", headers=headers)
    authorization: dict[str, Any] = answer.raise_for_status().json()
    return authorization


@contextmanager
def _kill_switch(stack: DevJson) -> Iterator[None]:
    headers = {"authorization": f"Bearer {stack.api_keys['admin']}"}
    with httpx.Client(base_url=stack.api_url, headers=headers, timeout=30) as admin:
        control = {"kind": "kill_switch", "scope": {}, "mode": "test", "reason": "a test"}
        engaged = admin.post("/api/v1/controls", json=control).raise_for_status().json()
        try:
            yield
        finally:
            admin.request(
                "DELETE", f"/api/v1/controls/{engaged['id']}", json={"reason": "the test is over"}
            ).raise_for_status()
