"""The examples of both packages' READMEs, as they are printed, and what they say of errors."""

import json
import os
import re
import subprocess
import uuid
from pathlib import Path
from typing import Any

import axiru_verifier
import httpx
import pytest

from axiru.dev.dev_json import DevJson

ROOT = Path(__file__).parents[2]
READMES = {
    "python": ROOT / "sdk" / "axiru-verifier" / "README.md",
    "ts": ROOT / "sdk" / "auth-token-verifier" / "README.md",
}


def example(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", READMES[language].read_text("utf-8"), re.DOTALL)
    return str(found)


@pytest.fixture
def environment(stack: DevJson) -> dict[str, str]:
    return {
        "AXIRU_URL": stack.api_url,
        "AXIRU_API_KEY": stack.api_keys["authorizations"],
        "AXIRU_ISSUER": stack.issuer,
        "AXIRU_ORGANIZATION": stack.organization_id,
    }


@pytest.fixture
def authorized(environment: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """A token and the request it was issued for."""
    ovt = {
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": 2_500,
        "currency": "usd",
        "initiator": {"kind": "agent", "id": f"agent_{uuid.uuid4().hex}"},
        "idempotency_key": uuid.uuid4().hex,
    }
    headers = {"authorization": f"Bearer {environment['AXIRU_API_KEY']}"}
    answer = httpx.post(f"{environment['AXIRU_URL']}/api/v1/authorizations", json=ovt, headers=headers, timeout=30)
    return str(answer.raise_for_status().json()["authorization_token"]), ovt


def test_python_example_settles(
    authorized: tuple[str, dict[str, Any]],
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    exec(compile(example("python"), "README.md", "exec"), names)  # noqa: S102 - our own README
    names["settle"](*authorized)
    assert capsys.readouterr().out == "pay 2500 usd\n"


def test_typescript_example_settles(authorized: tuple[str, dict[str, Any]], environment: dict[str, str]) -> None:
    token, ovt = authorized
    code = example("ts") + f"\nawait settle({json.dumps(token)}, {json.dumps(ovt)});"
    done = subprocess.run(  # noqa: S603 - the Node of the environment
        [ROOT / ".venv" / "bin" / "node", "--input-type=module-typescript", "-e", code],
        cwd=ROOT / "examples",
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "pay 2500 usd\n", done.stderr


@pytest.mark.parametrize("language", READMES)
def test_readme_names_every_error_with_its_code(language: str) -> None:
    text = READMES[language].read_text("utf-8")
    errors = [
        error
        for name in axiru_verifier.__all__
        if isinstance(error := getattr(axiru_verifier, name), type) and issubclass(error, Exception)
    ]
    assert {error.__name__ for error in errors if f"`{error.__name__}`" not in text} == set()
    refusals = [
        error for error in errors if issubclass(error, axiru_verifier.VerificationError) and "code" in vars(error)
    ]
    assert {error.code for error in refusals if f"`{error.code}`" not in text} == set()
