"""The public keys that verify an ES256 signature (SEC 1 §4.1.6): for published tokens whose key was not."""

import base64
import hashlib
from typing import Any

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = P - 3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = tuple[int, int] | None


def add(left: Point, right: Point) -> Point:
    if left is None or right is None:
        return left or right
    if left[0] == right[0] and (left[1] + right[1]) % P == 0:
        return None
    if left == right:
        slope = (3 * left[0] ** 2 + A) * pow(2 * left[1], -1, P)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, P)
    x = (slope**2 - left[0] - right[0]) % P
    return x, (slope * (left[0] - x) - left[1]) % P


def times(factor: int, point: Point) -> Point:
    product: Point = None
    while factor:
        if factor & 1:
            product = add(product, point)
        point, factor = add(point, point), factor >> 1
    return product


def keys_of(jwt: str, kid: str) -> list[dict[str, Any]]:
    """Both keys under which the signature of this JWT verifies, as JWKs."""
    signing_input, _, signature = jwt.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    hashed = int.from_bytes(hashlib.sha256(signing_input.encode()).digest())
    y = pow(r**3 + A * r + B, (P + 1) // 4, P)
    found = []
    for root in (y, P - y):
        inverse = pow(r, -1, N)
        point = add(times(s * inverse % N, (r, root)), times(-hashed * inverse % N, G))
        assert point is not None
        x_text, y_text = (base64.urlsafe_b64encode(one.to_bytes(32)).rstrip(b"=").decode() for one in point)
        found.append({"kty": "EC", "crv": "P-256", "x": x_text, "y": y_text, "kid": kid})
    return found
