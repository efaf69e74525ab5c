"""SM3 (GB/T 32905) and SM2 signatures (GB/T 32918.2) written from the formulas, for comparison only.

Slow, and not constant in time: never more than a test. It shares no line with what it checks.
"""

from hashlib import sha256
from typing import Final

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A: Final = P - 3
B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G: Final = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
DEFAULT_ID: Final = b"1234567812345678"

#: None is the point at infinity.
Point = tuple[int, int] | None


# --- SM3


def sm3(message: bytes) -> bytes:
    length = len(message)
    message += b"\x80" + bytes((55 - length) % 64) + (8 * length).to_bytes(8, "big")
    state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    for start in range(0, len(message), 64):
        state = [one ^ other for one, other in zip(state, _compress(state, message[start : start + 64]), strict=True)]
    return b"".join(word.to_bytes(4, "big") for word in state)


def _compress(state: list[int], block: bytes) -> list[int]:
    w = [int.from_bytes(block[start : start + 4], "big") for start in range(0, 64, 4)]
    for j in range(16, 68):
        mixed = w[j - 16] ^ w[j - 9] ^ _left(w[j - 3], 15)
        w.append(mixed ^ _left(mixed, 15) ^ _left(mixed, 23) ^ _left(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        ss1 = _left((_left(a, 12) + e + _left(0x79CC4519 if j < 16 else 0x7A879D8A, j % 32)) & 0xFFFFFFFF, 7)
        ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
        gg = e ^ f ^ g if j < 16 else (e & f) | (~e & 0xFFFFFFFF & g)
        tt1 = (ff + d + (ss1 ^ _left(a, 12)) + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
        tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
        a, b, c, d = tt1, a, _left(b, 9), c
        e, f, g, h = tt2 ^ _left(tt2, 9) ^ _left(tt2, 17), e, _left(f, 19), g
    return [a, b, c, d, e, f, g, h]


def _left(word: int, count: int) -> int:
    return ((word << count) | (word >> (32 - count))) & 0xFFFFFFFF if count else word


# --- the group


def add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return other if one is None else one
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def multiply(factor: int, point: Point) -> Point:
    result: Point = None
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def public(d: int) -> tuple[int, int]:
    found = multiply(d, G)
    assert found is not None
    return found


def encoded(point: tuple[int, int]) -> bytes:
    return b"\x04" + b"".join(_octets(one) for one in point)


def decoded(point: bytes) -> tuple[int, int]:
    return int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")


# --- signatures


def z_of(point: tuple[int, int], identity: bytes = DEFAULT_ID) -> bytes:
    return sm3((8 * len(identity)).to_bytes(2, "big") + identity + b"".join(map(_octets, (A, B, *G, *point))))


def digest(point: tuple[int, int], message: bytes, identity: bytes = DEFAULT_ID) -> int:
    return int.from_bytes(sm3(z_of(point, identity) + message), "big")


def sign_digest(d: int, e: int, k: int) -> tuple[int, int]:
    """Raises ValueError for a `k` that gives no signature."""
    r = (e + public(k)[0]) % N
    s = pow(1 + d, -1, N) * (k - r * d) % N
    if r == 0 or r + k == N or s == 0:
        raise ValueError("another k is needed")
    return r, s


def sign(d: int, message: bytes, identity: bytes = DEFAULT_ID) -> bytes:
    """r || s, with a nonce derived from key and message: the same each time."""
    k = int.from_bytes(sha256(_octets(d) + message).digest(), "big") % (N - 1) + 1
    return raw(*sign_digest(d, digest(public(d), message, identity), k))


def fits_digest(point: tuple[int, int], e: int, r: int, s: int) -> bool:
    t = (r + s) % N
    if not (1 <= r < N and 1 <= s < N) or t == 0:
        return False
    found = add(multiply(s, G), multiply(t, point))
    return found is not None and (e + found[0]) % N == r


def ecdsa_fits(point: tuple[int, int], e: int, r: int, s: int) -> bool:
    """FIPS 186 on this curve, which is no SM2 signature."""
    inverse = pow(s, -1, N)
    found = add(multiply(e * inverse % N, G), multiply(r * inverse % N, point))
    return found is not None and found[0] % N == r


def fits(point: bytes, message: bytes, signature: bytes, identity: bytes = DEFAULT_ID) -> bool:
    where = decoded(point)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    return fits_digest(where, digest(where, message, identity), r, s)


def raw(r: int, s: int) -> bytes:
    return _octets(r) + _octets(s)


def _octets(number: int) -> bytes:
    return number.to_bytes(32, "big")
