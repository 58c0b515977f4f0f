"""The fail-safe document on disk, with the key it has to be signed by."""

import contextlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from axiru_client.fail_safe import FailSafe, FailSafeInvalid, public_key, verified
from axiru_client.requests import Asked
from axiru_client.results import Decision
from axiru_client.vocabulary import Mode

REFRESH_SECONDS: Final = 900.0
"""The document is asked for again when it is older than this; it is valid for a day."""

TRY_AGAIN_SECONDS: Final = 60.0
_log = logging.getLogger("axiru_client")


class FailSafeCache:
    """Trusts the pinned keys; without one, the first key Axiru shows, which is written down and kept for good."""

    def __init__(
        self, path: Path, *, issuer: str, audience: str | None, mode: Mode, pinned: Sequence[Mapping[str, Any]]
    ) -> None:
        self._path = path
        self._issuer = issuer
        self._audience = audience
        self._mode = mode
        self._pinned = tuple(public_key(dict(jwk)) for jwk in pinned)
        self._ask_again_at = 0.0
        self._contradicted_at = 0.0
        self._seen: FailSafe | None = None
        self._claiming = threading.Lock()

    def current(self, *, now: float) -> FailSafe | None:
        """The document in force, or None: then every default holds."""
        kept = self._read()
        try:
            return self._verified(kept.get("document"), kept, now)
        except FailSafeInvalid as invalid:
            if kept:
                _log.warning("the cached fail-safe document is not used: %s", invalid)
            return None

    def take_turn(self, decision: Decision, asked: Asked, *, now: float) -> bool:
        """Whether the document is due, and the one who asks is to fetch it; the others are told no for a minute.

        It is due every 15 minutes, and at once when an answer speaks of another surface mode than the document, or of
        a control that the document does not know.
        """
        with self._claiming:
            if self._seen is None:
                self.current(now=now)
            if self._contradicts(decision, asked, now):
                if 0 <= now - self._contradicted_at < TRY_AGAIN_SECONDS:
                    return False
                self._contradicted_at = now
                return True
            if self._ask_again_at - REFRESH_SECONDS <= now < self._ask_again_at:
                return False
            document = self.current(now=now)
            if document is not None and now - document.issued_at < REFRESH_SECONDS:
                self._ask_again_at = document.issued_at + REFRESH_SECONDS
                return False
            self._ask_again_at = now + TRY_AGAIN_SECONDS
            return True

    def _contradicts(self, decision: Decision, asked: Asked, now: float) -> bool:
        if self._seen is None:
            return False
        if (decision.matched_rule or "").startswith("control:") and not self._seen.stops(asked, now=now):
            return True
        in_shadow = self._seen.in_shadow(asked.surface, asked.connection)
        return decision.surface_mode is not None and in_shadow != (decision.surface_mode == "shadow")

    def keep(self, answer: Mapping[str, Any], *, now: float) -> FailSafe | None:
        """Keep a document that was fetched, if it can be relied on; otherwise the one before stays."""
        kept = self._read()
        trusted = {"public_key": answer.get("public_key")} if not kept.get("public_key") else kept
        try:
            found = self._verified(answer.get("document"), trusted, now)
        except FailSafeInvalid as invalid:
            _log.error("the fail-safe document that Axiru sent is not used: %s", invalid)
            return None
        written = {"public_key": trusted.get("public_key"), "audience": found.audience}
        try:
            self._write(written | {"document": answer["document"]})
        except OSError as error:
            _log.error("the fail-safe document cannot be kept: %s", error)
            return None
        return found

    def _verified(self, document: object, trusted: Mapping[str, Any], now: float) -> FailSafe:
        keys = self._pinned or (public_key(trusted.get("public_key")),)
        audience = self._audience or trusted.get("audience")
        self._seen = verified(document, keys, issuer=self._issuer, audience=audience, mode=self._mode, now=now)
        return self._seen

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            # Not {}: a damaged file must not make the next key that is shown the trusted one.
            return {"public_key": "unreadable"}
        return kept if isinstance(kept, dict) and kept.get("public_key") else {"public_key": "unreadable"}

    def _write(self, content: Mapping[str, Any]) -> None:
        """Replace the file in one step, so that no process reads a half."""
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=".fail-safe-")
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(content, file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
