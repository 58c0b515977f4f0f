"""Rotating the vault's master key: many tokens, at full length ten thousand, a kill at any point, none lost."""

import asyncio
import base64
import os
import random
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from length import length

from axiru.dev.dev_json import DevJson
from axiru.settings import Settings
from axiru.vault import Vault, key_id_of, refresh_context, token_context
from ledger.signing import vault_context
from ledger.vault_rotation import PLACES

TOKENS = length(2_000, 10_000)
FEW = 300
KILLS = length(3, 6)


class House(NamedTuple):
    """A database of its own, the file of its master keys, and the command line's environment."""

    database: asyncpg.Connection
    tokens: int
    key_file: Path
    environment: dict[str, str]

    def vault(self) -> Vault:
        return Vault.from_settings(Settings(vault_key_file=str(self.key_file)))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = (sys.executable, "-P", "-m", "axiru.cli", "keys", "rotate", "--vault", *arguments)
        return subprocess.Popen(  # noqa: S603
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=120)
        return process.returncode, said

    async def sealed_under(self) -> dict[str, int]:
        """How many access tokens there are by the id of their master key."""
        counted: dict[str, int] = {}
        for found in await self.database.fetch("SELECT token_ciphertext FROM stripe_connections"):
            key_id = key_id_of(found["token_ciphertext"])
            counted[key_id] = counted.get(key_id, 0) + 1
        return counted

    async def everything_opens(self) -> None:
        vault = self.vault()
        found = await self.database.fetch("SELECT id, token_ciphertext, refresh_ciphertext FROM stripe_connections")
        assert len(found) == self.tokens
        for one in found:
            token = vault.open(one["token_ciphertext"], context=token_context("org", one["id"]))
            refresh = vault.open(one["refresh_ciphertext"], context=refresh_context("org", one["id"]))
            assert (token, refresh) == (f"sk_test_{one['id']}".encode(), f"rt_{one['id']}".encode())
        keys = await self.database.fetch("SELECT key_id, purpose, private_ciphertext FROM signing_keys")
        assert {key["purpose"] for key in keys} == {"ledger", "token"}
        for key in keys:
            assert vault.open(key["private_ciphertext"], context=vault_context(key["key_id"]))


@pytest.fixture(params=[FEW])
async def house(request: pytest.FixtureRequest, infrastructure: DevJson, tmp_path: Path) -> AsyncIterator[House]:
    name = f"vault_{secrets.token_hex(4)}"
    server = await asyncpg.connect(infrastructure.database_admin_url)
    await server.execute(f"CREATE DATABASE {name}")
    url = urlunsplit(urlsplit(infrastructure.database_admin_url)._replace(path=f"/{name}"))
    key_file = tmp_path / "vault.key"
    key_file.write_bytes(base64.b64encode(secrets.token_bytes(32)) + b"\n")
    key_file.chmod(0o600)
    environment = os.environ | {"AXIRU_DATABASE_ADMIN_URL": url, "AXIRU_VAULT_KEY_FILE": str(key_file)}
    command = (sys.executable, "-P", "-m", "axiru.cli", "migrate")
    await asyncio.to_thread(subprocess.run, command, env=environment, check=True)
    connection = await asyncpg.connect(url)
    house = House(connection, request.param, key_file, environment)
    await _fill(house)
    yield house
    await connection.close()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def _fill(house: House) -> None:
    vault = house.vault()
    await house.database.execute("INSERT INTO organizations VALUES ('org', 'Organization', now())")
    ids = [f"stripe_conn_{number:05}" for number in range(house.tokens)]
    await house.database.executemany(
        "INSERT INTO stripe_connections (id, organization_id, mode, stripe_account_id, token_ciphertext, "
        "refresh_ciphertext, write_actions, default_currency, is_default, status, profile, created_at) "
        "VALUES ($1, 'org', 'test', 'acct_' || $1, $2, $3, '{}', 'usd', false, 'active', '{}', now())",
        [
            (
                one,
                vault.seal(f"sk_test_{one}".encode(), context=token_context("org", one)),
                vault.seal(f"rt_{one}".encode(), context=refresh_context("org", one)),
            )
            for one in ids
        ],
    )


def _chances(seed: int) -> Iterator[float]:
    chance = random.Random(seed)  # noqa: S311 - where a test kills
    while True:
        yield chance.uniform(0.0, 1.0)


@pytest.mark.parametrize("house", [TOKENS], indirect=True)
async def test_tokens_outlive_a_kill_at_any_point(house: House) -> None:
    first = house.vault().current_key_id
    chances, kept_keys = _chances(20261121), set()
    for _ in range(KILLS):
        process = house.start()
        # Killed somewhere between the writing of the key file and the last value: when so many are sealed anew.
        wanted = int(next(chances) * TOKENS)
        while process.poll() is None:
            under = await house.sealed_under()
            if TOKENS - under.get(first, 0) >= min(wanted, TOKENS - 1):
                break
        process.kill()
        process.wait()
        await house.everything_opens()
        kept_keys.add(house.vault().current_key_id)

    code, said = house.run()

    assert code == 0, said
    await house.everything_opens()
    current = house.vault().current_key_id
    assert await house.sealed_under() == {current: house.tokens}
    assert first != current
    # A run that was cut short is finished, not begun anew: every key but the first and the last few would be in use.
    keys = house.key_file.read_text().split()
    assert len(keys) <= len(kept_keys) + 2


async def test_processes_that_run_learn_of_the_new_key_by_themselves(house: House) -> None:
    running = house.vault()
    one = "stripe_conn_00007"
    assert house.run()[0] == 0

    found = await house.database.fetchval("SELECT token_ciphertext FROM stripe_connections WHERE id = $1", one)
    assert running.open(found, context=token_context("org", one)) == f"sk_test_{one}".encode()
    assert key_id_of(running.seal(b"x", context=b"c")) == house.vault().current_key_id


async def test_a_rehearsal_goes_over_everything_and_changes_nothing(house: House) -> None:
    before = await house.database.fetch("SELECT * FROM stripe_connections ORDER BY id")
    keys = house.key_file.read_bytes()

    code, said = house.run("--rehearse")

    assert code == 0, said
    assert f"stripe_connections.token_ciphertext: {FEW} rotated on a copy" in said
    assert "signing_keys.private_ciphertext: 2 rotated on a copy" in said
    assert await house.database.fetch("SELECT * FROM stripe_connections ORDER BY id") == before
    assert house.key_file.read_bytes() == keys


async def test_a_value_nobody_can_open_is_named_and_left(house: House) -> None:
    one = "stripe_conn_00003"
    await house.database.execute(
        "UPDATE stripe_connections SET token_ciphertext = set_byte(token_ciphertext, 40, 255 - get_byte("
        "token_ciphertext, 40)) WHERE id = $1",
        one,
    )
    broken = await house.database.fetchval("SELECT token_ciphertext FROM stripe_connections WHERE id = $1", one)

    for arguments in (("--rehearse",), ()):
        code, said = house.run(*arguments)
        assert (code, one in said) == (1, True), said

    found = await house.database.fetchval("SELECT token_ciphertext FROM stripe_connections WHERE id = $1", one)
    assert found == broken


async def test_every_column_that_is_sealed_is_rotated(house: House) -> None:
    found = await house.database.fetch(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name LIKE '%\\_ciphertext'"
    )

    assert {one["name"] for one in found} == {place.name for place in PLACES} | {"stripe_installs.verifier_ciphertext"}


async def test_keys_in_the_environment_rotate_to_the_first(house: House) -> None:
    old, new = house.key_file.read_text().strip(), base64.b64encode(secrets.token_bytes(32)).decode()
    environment = {**house.environment, "AXIRU_VAULT_KEY": f"{new},{old}"}
    del environment["AXIRU_VAULT_KEY_FILE"]

    code, said = house._replace(environment=environment).run()

    assert code == 0, said
    current = Vault.from_settings(Settings(vault_key=new)).current_key_id
    assert await house.sealed_under() == {current: house.tokens}
