"""Which digest an SM2 signature is over, computed from the formulas (GB/T 32918.2), so without any condition on it.

Only public numbers come here: nothing has to be constant in time.
"""

from typing import Final

from cryptography.hazmat.primitives import hashes

from certlogin.pki.sm2 import ORDER, PRIME

_A: Final = PRIME - 3
_B: Final = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_G: Final = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

#: None is the point at infinity.
_Point = tuple[int, int] | None


def signed_digest(point: bytes, r: int, s: int) -> int | None:
    """The one digest, modulo the order, that this signature of this key fits; None for numbers that fit none."""
    t = (r + s) % ORDER
    if not (1 <= r < ORDER and 1 <= s < ORDER) or t == 0:
        return None
    key = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    found = _add(_multiply(s, _G), _multiply(t, key))
    return None if found is None else (r - found[0]) % ORDER


def z_of(point: bytes, identity: bytes) -> bytes:
    """The hash of the user id, the curve and the key."""
    numbers = b"".join(number.to_bytes(32, "big") for number in (_A, _B, *_G))
    return sm3((8 * len(identity)).to_bytes(2, "big") + identity + numbers + point[1:])


def sm3(data: bytes) -> bytes:
    hashing = hashes.Hash(hashes.SM3())
    hashing.update(data)
    return hashing.finalize()


def _multiply(factor: int, point: _Point) -> _Point:
    result: _Point = None
    while factor:
        if factor & 1:
            result = _add(result, point)
        point = _add(point, point)
        factor >>= 1
    return result


def _add(one: _Point, other: _Point) -> _Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % PRIME == 0:
        return None
    slope = (3 * x1 * x1 + _A) * pow(2 * y1, -1, PRIME) if one == other else (y2 - y1) * pow(x2 - x1, -1, PRIME)
    x = (slope * slope - x1 - x2) % PRIME
    return x, (slope * (x1 - x) - y1) % PRIME
