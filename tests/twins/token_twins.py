"""The two verifiers of authorization tokens, and the server, before the same requests and the same tokens."""

import json
import random
import re
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from axiru_verifier import VerificationError, Verifier, canonical_sha256_fingerprint
from joserfc import jws
from joserfc.jwk import ECKey

from api.fingerprint import fingerprint
from api.json_body import parse_strictly

ROOT: Final = Path(__file__).parents[2]
ISSUER, AUDIENCE, FINGERPRINT, NOW = "https://api.axiru.example", "org_1", "0" * 64, 1_800_000_000
ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OUTSIDE: Final = "=+/. \n\t\x00\x7f%,:;é٣🤖"
TEXTS: Final = (
    "",
    "usd",
    "é",
    "e\u0301",
    "€",
    "日本",
    "🤖",
    "\u2028",
    "\ufeff",
    '"\\/',
    "\x7f",
    "\b\f\n\r\t",
    "\x1f",
    "דּ",
)
NUMBERS: Final = (
    "0", "-0", "-0.0", "1", "-1", "9007199254740991", "-9007199254740991", "0.1", "1e2", "1.50", "-2.5E-3", "5e-324",
    "1e-7", "1e-6", "0.000001", "333333333.33333329", "4.5", "2e-3", "1.7976931348623157e-308", "4503599627370497.5",
)  # fmt: skip
PIECES: Final = (
    b" ", b"\t", b"\n", b"\x0b", b"\xa0", b"\x00", b"\x7f", b",", b":", b"{", b"}", b"[", b"]", b'"', b"\\", b"/", b"-",
    b"0", b"00", b"-0", b"1.0", b"1e2", b"1E400", b"9007199254740991", b"9007199254740992", b"-9007199254740992",
    b"99999999999999999999", b"NaN", b"-Infinity", b"true", b"false", b"null", b"nul", b"{}", b"[]", b'[{"a":[]}]',
    b'{"units": "1", "asset": "usd", "exponent": 2}', b'"usd"', b'""', b'"\\u0061"', b'"\\ud800"', b'"\\ud83e\\udd16"',
    b'"\\u00e"', b'"\\x"', b'"\xf0\x9f\xa4\x96"', b'"\xff"', b'"\xed\xa0\x80"', b"\xef\xbb\xbf", b'"a" "b"',
    b'"jti": "jti_2", "jti": "jti_3", ', b'"__proto__": {"mode": "test"}, ', b'"exp": 1, ', b'"\t"', b"'a'", b"/**/",
)  # fmt: skip


class NodeVerifier:
    """The TypeScript verifier in a Node of its own."""

    def __init__(self, node: "subprocess.Popen[str]") -> None:
        self._node = node

    def fingerprint(self, sent: str) -> str:
        return str(self._asked(f'{{"fingerprint_of":{sent}}}'))

    def codes(self, tokens: Sequence[tuple[str, int]], jwks: Any, leeway_seconds: int) -> list[str]:
        """What becomes of each token at its time."""
        question = {
            "tokens": [{"token": token, "now": now} for token, now in tokens],
            "jwks": jwks,
            "leeway_seconds": leeway_seconds,
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "fingerprint": FINGERPRINT,
        }
        codes: list[str] = self._asked(json.dumps(question))
        return codes

    def _asked(self, line: str) -> Any:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(line + "\n")
        self._node.stdin.flush()
        return json.loads(self._node.stdout.readline())


@contextmanager
def node_verifier() -> Iterator[NodeVerifier]:
    """Needs the packages that `make setup-tests` installs."""
    command = [ROOT / ".venv" / "bin" / "node", Path(__file__).with_name("token_verifier.ts")]
    with subprocess.Popen(  # noqa: S603 - the Node of the environment
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as node:
        yield NodeVerifier(node)
        assert node.stdin is not None
        node.stdin.close()


def python_codes(tokens: Sequence[tuple[str, int]], jwks: Any, leeway_seconds: int) -> list[str]:
    """As `NodeVerifier.codes`, by the Python verifier."""
    moment = [0]
    verifier = Verifier(
        issuer=ISSUER, audience=AUDIENCE, keys=jwks, leeway_seconds=leeway_seconds, now=lambda: moment[0]
    )
    codes = []
    for token, now in tokens:
        moment[0] = now
        try:
            verifier.verify(token, fingerprint=FINGERPRINT)
            codes.append("accepted")
        except VerificationError as refused:
            codes.append(refused.code)
    return codes


class Signer:
    """One key and tokens under it."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256")

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**self._key.as_dict(private=False), "kid": self._key.thumbprint(), "alg": "ES256"}]}

    def token(self, chance: random.Random) -> str:
        return self.signed(json.dumps(drawn_claims(chance)).encode())

    def signed(self, claims: bytes) -> str:
        """Whatever these bytes are."""
        header = {"alg": "ES256", "kid": self._key.thumbprint(), "typ": "axiru-authz+jwt"}
        return jws.serialize_compact(header, claims, self._key, algorithms=["ES256"])


def drawn_claims(chance: random.Random) -> dict[str, Any]:
    cents = chance.randrange(1, 99_999_999_999)
    return {
        "jti": f"jti_{uuid.UUID(int=chance.getrandbits(128)).hex}",
        "iss": ISSUER,
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
        "sub": f"agent_{'x' * chance.randrange(40)}",
        "aud": AUDIENCE,
        "ovt_fingerprint": FINGERPRINT,
        "rail": "stripe_daa",
        "rail_action": "agent_payment",
        "amount_cents": cents,
        "currency": "usd",
        "amount": {"units": str(cents), "asset": "usd", "exponent": 2},
        "decision_id": f"ed_{uuid.UUID(int=chance.getrandbits(128)).hex}",
        "mode": "test",
    }


def changed(token: str, chance: random.Random) -> Iterator[str]:
    """The token with each character changed: to its neighbour, to another of the alphabet, to one outside of it, left
    out, and with another before it.
    """
    for at, character in enumerate(token):
        neighbour = ALPHABET[ALPHABET.index(character) ^ 1] if character in ALPHABET else "A"
        others = {neighbour, chance.choice(ALPHABET), chance.choice(OUTSIDE)} - {character}
        for other in sorted(others):
            yield token[:at] + other + token[at + 1 :]
        if token[at : at + 1] != token[at + 1 : at + 2]:
            yield token[:at] + token[at + 1 :]
        yield token[:at] + chance.choice(ALPHABET) + token[at:]


def accepted_when_changed(tokens: int, seed: int, node: NodeVerifier) -> list[str]:
    """Changed tokens that a verifier takes, or fails at in another way than by refusing them."""
    chance, signer = random.Random(seed), Signer()  # noqa: S311 - a test's chance, that can be given again
    wrong = []
    for _ in range(tokens):
        token = signer.token(chance)
        tried = [(other, NOW) for other in changed(token, chance)]
        for twin in (python_codes, node.codes):
            assert twin([(token, NOW)], signer.jwks, 5) == ["accepted"]
            codes = twin(tried, signer.jwks, 5)
            known = {"token_malformed", "signature_invalid", "algorithm_not_allowed", "type_mismatch", "kid_not_found"}
            wrong += [f"{code}: {one!r}" for (one, _), code in zip(tried, codes, strict=True) if code not in known]
    return wrong


def code_differences(tokens: int, seed: int, node: NodeVerifier) -> list[str]:
    """Signed claims, spoilt in their JSON, that the two verifiers do not say the same of, or take against reason.

    Two that are broken alike agree: what is taken is read once more, and of each outcome there have to be some.
    """
    chance, signer = random.Random(seed), Signer()  # noqa: S311 - a test's chance, that can be given again
    claims = [_spoilt(json.dumps(drawn_claims(chance)).encode(), chance) for _ in range(tokens)]
    tried = [(signer.signed(one), NOW) for one in claims]
    twins = [*zip(claims, python_codes(tried, signer.jwks, 5), node.codes(tried, signer.jwks, 5), strict=True)]
    wrong = [f"{here} and {there}: {one!r}" for one, here, there in twins if here != there]
    wrong += [f"accepted: {one!r}" for one, here, _ in twins if here == "accepted" and not _may_be_taken(one)]
    missing = {"accepted", "token_malformed", "claim_invalid"} - {here for _, here, _ in twins}
    return wrong + [f"no token was {code}" for code in missing]


def _may_be_taken(claims: bytes) -> bool:
    """Whether every claim is of its kind, said once, and for who verifies it; not by the verifiers' own reading."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)

    def no_fraction(text: str) -> Any:
        raise AssertionError(text)

    try:
        said = json.loads(claims.decode(), object_pairs_hook=once, parse_float=no_fraction, parse_constant=no_fraction)
    except (AssertionError, ValueError):
        return False
    texts = ("jti", "sub", "rail", "rail_action", "currency", "decision_id")
    numbers = ("iat", "nbf", "exp", "amount_cents")
    amount = said.get("amount", {})
    return (
        (said["iss"], said["aud"], said["ovt_fingerprint"]) == (ISSUER, AUDIENCE, FINGERPRINT)
        and said["mode"] in {"test", "live"}
        and all(type(said[claim]) is str and said[claim] for claim in texts)
        and all(type(said[claim]) is int or (claim == "amount_cents" and said[claim] is None) for claim in numbers)
        and said["exp"] + 5 > NOW >= max(said["iat"], said["nbf"]) - 5
        and ("amount" not in said or amount["asset"] == said["currency"])
        and (said["amount_cents"] is None or "amount" not in said or amount["units"] == str(said["amount_cents"]))
        and (said["amount_cents"] is not None or "amount" in said)
    )


def _spoilt(text: bytes, chance: random.Random) -> bytes:
    """A few pieces replaced or put in, where a reader of JSON may go wrong."""
    for _ in range(chance.randrange(1, 4)):
        at, piece = chance.randrange(len(text)), chance.choice(PIECES)
        value = re.search(rb"(?<=: )[^,}]+", text[at:])
        if value is not None and chance.random() < 0.6:
            start, end = at + value.start(), at + value.end()
            text = text[:start] + piece + text[end:]
        else:
            text = text[:at] + piece + text[at + chance.randrange(2) :]
    return text


def fingerprint_differences(requests: int, seed: int, node: NodeVerifier) -> list[str]:
    """Requests, as sent, whose fingerprint the server and the two verifiers do not agree on."""
    chance = random.Random(seed)  # noqa: S311 - a test's chance, that can be given again
    different = []
    for _ in range(requests):
        sent = drawn_request(chance)
        server = fingerprint(parse_strictly(sent.encode()))
        if not server == canonical_sha256_fingerprint(json.loads(sent)) == node.fingerprint(sent):
            different.append(sent)
    return different


def drawn_request(chance: random.Random) -> str:
    """The text of a request that the API can read, on one line, in one of its many spellings."""
    members = {
        "rail": _text("stripe_daa", chance),
        "rail_action": _text("agent_payment", chance),
        "amount_cents": str(chance.randrange(1, 99_999_999_999)),
        "currency": _text(chance.choice(("usd", "EUR", "jpy")), chance),
        "initiator": _object({"kind": '"agent"', "id": _drawn_text(chance), "scopes": _value(chance, 1)}, chance),
        "idempotency_key": _drawn_text(chance),
        "context": _object({_key(chance): _value(chance, 3) for _ in range(chance.randrange(5))}, chance),
        "metadata": _object({_key(chance): _value(chance, 4) for _ in range(chance.randrange(6))}, chance),
    }
    return _object(members, chance)


def _value(chance: random.Random, depth: int) -> str:
    kind = chance.randrange(6 if depth else 4)
    match kind:
        case 0:
            return chance.choice(("true", "false", "null"))
        case 1:
            return chance.choice(NUMBERS) if chance.random() < 0.5 else repr(chance.uniform(-1e15, 1e15))
        case 2 | 3:
            return _drawn_text(chance)
        case 4:
            return _blank(chance).join(
                ("[", ",".join(_value(chance, depth - 1) for _ in range(chance.randrange(4))), "]")
            )
        case _:
            return _object({_key(chance): _value(chance, depth - 1) for _ in range(chance.randrange(4))}, chance)


def _object(members: dict[str, str], chance: random.Random) -> str:
    names = list(members)
    chance.shuffle(names)
    said = (f"{_text(name, chance)}{_blank(chance)}:{_blank(chance)}{members[name]}" for name in names)
    return "{" + _blank(chance) + f"{_blank(chance)},".join(said) + "}"


def _key(chance: random.Random) -> str:
    return "".join(chance.choice((*TEXTS, "a", "b", "Z", "10", "9")) for _ in range(chance.randrange(1, 4)))


def _drawn_text(chance: random.Random) -> str:
    drawn = (chr(chance.choice((chance.randrange(1, 0xD800), chance.randrange(0xE000, 0x110000)))) for _ in range(4))
    return _text("".join((*drawn, chance.choice(TEXTS))), chance)


def _text(text: str, chance: random.Random) -> str:
    return json.dumps(text, ensure_ascii=chance.random() < 0.5)


def _blank(chance: random.Random) -> str:
    return chance.choice(("", "", " ", "\t"))
