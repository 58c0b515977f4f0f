"""The guide to agent payments as it is printed: its curl, its Node code and its jose code, against the running product.

Supplied are only the host, the API key, the token and the fingerprint, as the guide says.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from axiru_verifier import canonical_sha256_fingerprint

from axiru.dev.dev_json import DevJson

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "agents.md").read_text("utf-8")
HOST = "https://axiru.example.com"

METADATA = """
await stripe.paymentIntents.create({
  amount: 25_000,
  currency: "usd",
  payment_method_types: ["card"],
  metadata: {
    %s
    axiru_decision_id: auth.decision_id,
  },
});
"""
STRIPE = """
import Stripe from "stripe";
const base = new URL(process.env.STRIPE_API_BASE);
const stripe = new Stripe("sk_test_owner", { protocol: "http", host: base.hostname, port: base.port });
"""


def snippet(language: str, containing: str) -> str:
    """The one block of the page in this language that has these words."""
    [found] = [block for block in re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL) if containing in block]
    return str(found)


ASKED: dict[str, Any] = json.loads(snippet("bash", "curl").split("-d '")[1].rpartition("'")[0])


def run(code: str, stack: DevJson) -> subprocess.CompletedProcess[str]:
    """A TypeScript program whose packages are those of the examples."""
    return subprocess.run(  # noqa: S603 - the Node of the environment
        [ROOT / ".venv" / "bin" / "node", "--input-type=module-typescript", "-e", code.replace(HOST, stack.api_url)],
        cwd=ROOT / "examples",
        env=os.environ | {"AXIRU_API_KEY": stack.api_keys["authorizations"], "STRIPE_API_BASE": stack.stripe_api_base},
        capture_output=True,
        text=True,
        check=False,
    )


def test_curl_is_answered_with_a_token(stack: DevJson) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    printed = snippet("bash", "curl").replace(HOST, stack.api_url)
    command = printed.replace("ak_live_…", stack.api_keys["authorizations"])
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)  # noqa: S603, S607
    answer = json.loads(done.stdout)
    assert answer["outcome"] == "allow"
    assert answer["decision_id"].startswith("ed_")
    assert answer["audit"]["ledger_id"].startswith("lr_")
    assert answer["ovt_fingerprint"] == canonical_sha256_fingerprint(ASKED)
    assert answer["authorization_token"].count(".") == 2


def test_node_code_asks_for_the_same(stack: DevJson) -> None:
    done = run(snippet("ts", "auth.outcome") + "console.log(JSON.stringify(auth))", stack)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ovt_fingerprint"] == canonical_sha256_fingerprint(ASKED)


def test_jose_code_verifies_the_token_for_the_request_it_was_issued_for(stack: DevJson) -> None:
    token = _token(stack)
    for fingerprint, said in (
        (canonical_sha256_fingerprint(ASKED), "stripe_daa agent_payment 25000"),
        (canonical_sha256_fingerprint(ASKED | {"amount_cents": 25001}), "OVT fingerprint mismatch"),
    ):
        supplied = f"const yourOvtFingerprint = {json.dumps(fingerprint)};\n"
        calling = f"const claims = await verifyAuthorizationToken({json.dumps(token)});\n"
        telling = 'console.log([claims.rail, claims.rail_action, claims.amount_cents].join(" "));'
        done = run(snippet("ts", "createRemoteJWKSet") + supplied + calling + telling, stack)
        assert said in done.stdout + done.stderr


def test_package_verifies_it_as_printed_in_both_languages(stack: DevJson) -> None:
    token, organization = _token(stack), stack.organization_id
    values = f"const token = {json.dumps(token)}; const ovt = {json.dumps(ASKED)};\n"
    printed = snippet("ts", "new Verifier").replace("org_…", organization)
    done = run(printed.replace("const verifier", values + "const verifier") + "console.log(claims.sub);", stack)
    assert done.stdout == "agent_billing_reconciler_v2\n", done.stderr

    names: dict[str, Any] = {"token": token, "ovt": ASKED}
    exec(  # noqa: S102 - our own page
        snippet("python", "Verifier(").replace(HOST, stack.api_url).replace("org_…", organization), names
    )
    assert names["claims"].sub == "agent_billing_reconciler_v2"


def test_stripe_takes_the_ids_and_not_the_token_itself(stack: DevJson) -> None:
    """A token is longer than the 500 characters of a value, so a payment that carries one is never made."""
    asking = STRIPE + snippet("ts", "auth.outcome")
    with_token = run(asking + METADATA % "axiru_authorization_token: auth.authorization_token,", stack)
    with_jti = run(asking + METADATA % "axiru_jti: auth.jti," + 'console.log("made");', stack)
    assert "metadata[axiru_authorization_token]" in with_token.stderr
    assert with_jti.stdout == "made\n", with_jti.stderr


def _token(stack: DevJson) -> str:
    headers = {"authorization": f"Bearer {stack.api_keys['authorizations']}"}
    answer = httpx.post(f"{stack.api_url}/api/v1/authorizations", json=ASKED, headers=headers, timeout=30)
    return str(answer.raise_for_status().json()["authorization_token"])
