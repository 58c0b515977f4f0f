"""`axiru policy …` against the running product: by its key for machines, by a log-in's token for the second person."""

import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from axiru.cli.commands import axiru
from axiru.dev.dev_json import DevJson

LogIn = Callable[[str], Awaitable[httpx.AsyncClient]]
SENTENCE = 'Transfers over ${} for the customer "cus_nobody" are flagged.\n'


def run(*arguments: str, url: str = "", key: str = "") -> Result:
    return CliRunner().invoke(axiru, ["policy", *arguments], env={"AXIRU_API_URL": url, "AXIRU_API_KEY": key})


@pytest.fixture
def policy(tmp_path: Path) -> tuple[str, Path]:
    """A policy's name, and a file that states it in plain language."""
    slug = f"flags-{uuid.uuid4().hex[:12]}"
    file = tmp_path / "flags.policy"
    file.write_text(f"Policy {slug} governs transfers on stripe.\n\n{SENTENCE.format(100)}")
    return slug, file


async def test_a_policy_from_file_to_retirement(stack: DevJson, log_in: LogIn, policy: tuple[str, Path]) -> None:
    slug, file = policy
    second = (await log_in("controller")).headers["authorization"].removeprefix("Bearer ")

    def axiru_policy(*arguments: str, key: str = stack.api_keys["admin"], code: int = 0) -> str:
        result = run(*arguments, url=stack.api_url, key=key)
        assert result.exit_code == code, result.output
        return result.output

    drafted: dict[str, Any] = json.loads(axiru_policy("draft", str(file), "--note", "to look on", "--json"))
    assert (drafted["slug"], drafted["format"], drafted["note"]) == (slug, "plain", "to look on")
    file.write_text(file.read_text().replace("$100", "$200"))
    assert "revision 2" in axiru_policy("draft", str(file), "--draft", drafted["id"])
    assert f"draft {drafted['id']} by Demo admin" in axiru_policy("list")
    assert f"{slug} v1: shadow, written by Demo admin" in axiru_policy("publish", drafted["id"])

    assert "[not_eligible]" in axiru_policy("activate", slug, "v1", code=1)
    assert "(20 %)" in axiru_policy("activate", slug, "v1", "--percent", "20", key=second)
    assert "active" in axiru_policy("activate", slug, "1", key=second)
    assert f"{slug}: active v1" in axiru_policy("list")

    assert "over $200" in axiru_policy("show", slug, "v1", "--plain")
    assert "shadow: false" in axiru_policy("show", slug, "v1", "--yaml")
    assert "activated by Demo controller\n    to look on" in axiru_policy("show", slug)
    assert "looked on at no decision" in axiru_policy("diff", slug, "v1", "--since", "2026-01-01T00:00:00Z")
    assert "There is nothing to compare" in axiru_policy("preview", slug, "v1")
    assert "since" in axiru_policy("preview", slug, "v1", "--since", "yesterday", code=1)

    assert "retired" in axiru_policy("retire", slug, "v1", key=second)
    assert "shadow" in axiru_policy("shadow", slug, "v1")
    assert "retired" in axiru_policy("retire", slug, "v1")
    assert "[not_found]" in axiru_policy("show", slug, "v2", code=1)


def test_a_refused_file_is_told_with_every_place(stack: DevJson, policy: tuple[str, Path]) -> None:
    _, file = policy
    file.write_text(file.read_text().replace("are flagged", "are flaged"))
    result = run("draft", str(file), url=stack.api_url, key=stack.api_keys["admin"])
    assert result.exit_code == 1
    assert "  3:" in result.output
    assert "nearest: " in result.output


def test_a_template_with_values_of_ones_own(stack: DevJson) -> None:
    url, key = stack.api_url, stack.api_keys["decisions"]
    assert "daa-country-blocklist: " in run("templates", url=url, key=key).output
    made = run(
        "template", "daa-country-blocklist", "-p", "countries=CU,RU", "--slug", "ours", "--plain", url=url, key=key
    )
    assert (made.exit_code, "CU or RU" in made.output, "Policy ours" in made.output) == (0, True, True)
    wrong = run("template", "daa-agent-payment-cap", "-p", "cap=much", url=url, key=key)
    assert (wrong.exit_code, "found `much`" in wrong.output) == (1, True)
    assert run("template", "daa-agent-payment-cap", "-p", "cap", url=url, key=key).exit_code == 2


@pytest.mark.parametrize(
    ("url", "key", "said"),
    [
        ("http://127.0.0.1:9", "", "AXIRU_API_KEY is not set"),
        ("http://127.0.0.1:9", "ak_test_x", "cannot be reached"),
        ("no address", "ak_test_x", "cannot be reached"),
    ],
)
def test_what_cannot_run_says_so_and_exits_2(url: str, key: str, said: str) -> None:
    result = run("list", url=url, key=key)
    assert (result.exit_code, said in result.output) == (2, True)


def test_a_key_that_is_not_good_exits_1(stack: DevJson) -> None:
    result = run("list", url=stack.api_url, key="ak_test_unknown")
    assert (result.exit_code, "[invalid_api_key]" in result.output) == (1, True)


def test_what_is_no_number_of_a_version_exits_2(stack: DevJson) -> None:
    assert run("show", "refunds-starter", "newest", url=stack.api_url, key="k").exit_code == 2
