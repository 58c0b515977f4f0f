"""The directory that holds everything one local stack keeps: data of its parts, logs, keys, `dev.json`."""

import base64
import secrets
import shutil
from pathlib import Path

import msgspec

from axiru.dev.files import write_private
from axiru.dev.refusal import StackRefused

MARKER = "axiru-home"
MARKER_TEXT = b"This directory belongs to `axiru dev`. `axiru dev --fresh` empties it.\n"


class StackSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts of one home share; made once, so that a second start finds its data with the same passwords."""

    database_owner_password: str
    database_app_password: str
    redis_password: str
    console_secret: str
    stripe_webhook_secret: str
    slack_signing_secret: str


class Home(msgspec.Struct, frozen=True):
    """Paths below one home. Nothing outside `directory` is written."""

    directory: Path

    @property
    def lock_file(self) -> Path:
        return self.directory / "lock"

    @property
    def dev_json(self) -> Path:
        return self.directory / "dev.json"

    @property
    def vault_key_file(self) -> Path:
        return self.directory / "vault.key"

    @property
    def secrets_file(self) -> Path:
        return self.directory / "secrets.json"

    def part(self, name: str) -> Path:
        """The directory a part keeps its data in; made when it is not there."""
        directory = self.directory / name
        directory.mkdir(mode=0o700, exist_ok=True)
        return directory

    def log(self, name: str) -> Path:
        """The log of a part."""
        return self.part("logs") / f"{name}.log"

    def prepare(self) -> None:
        """Make the directory. Raises StackRefused when that is not possible."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not any(self.directory.iterdir()):
                self._mark()
        except OSError as error:
            raise StackRefused(f"The home {self.directory} cannot be used: {error.strerror}.") from error

    def empty(self) -> None:
        """Delete what an earlier run kept. Raises StackRefused for a directory with content that is not a home."""
        if not (self.directory / MARKER).exists():
            if any(path != self.lock_file for path in self.directory.iterdir()):
                raise StackRefused(
                    f"{self.directory} is not a home of Axiru (no file {MARKER} in it): --fresh will not empty it."
                )
            self._mark()
        kept = {self.lock_file, self.directory / MARKER}
        for path in self.directory.iterdir():
            if path in kept:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def secrets(self) -> StackSecrets:
        """The secrets of this home, made on the first call. Raises StackRefused when the file is damaged."""
        try:
            return msgspec.json.decode(self.secrets_file.read_bytes(), type=StackSecrets)
        except FileNotFoundError:
            made = StackSecrets(
                database_owner_password=secrets.token_hex(16),
                database_app_password=secrets.token_hex(16),
                redis_password=secrets.token_hex(16),
                console_secret=secrets.token_hex(32),
                stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
                slack_signing_secret=secrets.token_hex(16),
            )
            write_private(self.secrets_file, msgspec.json.format(msgspec.json.encode(made)))
            return made
        except msgspec.DecodeError as error:
            raise StackRefused(f"{self.secrets_file} is damaged ({error}); start anew with --fresh.") from error

    def vault_key(self) -> Path:
        """The file with the vault's master key, 32 random bytes in base64; made on the first call."""
        if not self.vault_key_file.exists():
            write_private(self.vault_key_file, base64.b64encode(secrets.token_bytes(32)) + b"\n")
        return self.vault_key_file

    def _mark(self) -> None:
        (self.directory / MARKER).write_bytes(MARKER_TEXT)
