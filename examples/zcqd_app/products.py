"""The certified products: what may stand in an entry, and the small SQLite file that keeps them."""

import sqlite3
import tomllib
import unicodedata
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

#: The products that are on the list from the start.
FIRST_PRODUCTS = Path(__file__).with_name("products.toml")
#: 能效等级: 1 is best; appliances below 3 are not listed.
GRADES = ("1", "2", "3")
_MODEL_MAX = 40
_PRICE_DIGITS = 8

_TABLE = (
    "CREATE TABLE IF NOT EXISTS products (id TEXT PRIMARY KEY, unit TEXT NOT NULL, name TEXT NOT NULL,"
    " certificate TEXT NOT NULL, valid_until TEXT NOT NULL, model TEXT NOT NULL, grade TEXT NOT NULL,"
    " price INTEGER NOT NULL)"
)
_COLUMNS = "id, unit, name, certificate, valid_until, model, grade, price"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the unit itself keeps up to date."""

    #: 规格型号
    model: str
    grade: str
    #: 参考价格, whole yuan.
    price: int


@dataclass(frozen=True, slots=True)
class Product:
    id: str
    unit: str
    name: str
    #: The number of the product's energy-saving certificate, and its last day.
    certificate: str
    valid_until: str
    entry: Entry


class EntryInvalid(Exception):
    """`problems`: the code of a text by the name of its field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


def read_entry(fields: Mapping[str, str]) -> Entry:
    """Raises EntryInvalid with all that is wrong. Full-width digits and letters count as plain ones."""
    model, grade, price = (
        unicodedata.normalize("NFKC", fields.get(name, "")).strip() for name in ("model", "grade", "price")
    )
    problems = {}
    if not (model and model.isprintable() and len(model) <= _MODEL_MAX):
        problems["model"] = "model_wrong"
    if grade not in GRADES:
        problems["grade"] = "grade_wrong"
    if not (price.isascii() and price.isdecimal() and len(price) <= _PRICE_DIGITS and int(price)):
        problems["price"] = "price_wrong"
    if problems:
        raise EntryInvalid(problems)
    return Entry(model, grade, int(price))


class Products:
    """Units see and change their own rows only: every question names the unit."""

    def __init__(self, path: Path, first: Path = FIRST_PRODUCTS) -> None:
        self._path = path
        rows = tomllib.loads(first.read_text(encoding="utf-8"))["products"]
        names = _COLUMNS.split(", ")
        with closing(self._connect()) as connection, connection:
            connection.execute(_TABLE)
            marks = ", ".join("?" * len(names))
            # What a unit has changed stays changed.
            connection.executemany(
                f"INSERT OR IGNORE INTO products ({_COLUMNS}) VALUES ({marks})",  # noqa: S608 names of our own
                [[str(row[name]) for name in names] for row in rows],
            )

    def all(self) -> list[Product]:
        return self._select("ORDER BY unit, id")

    def of(self, unit_id: str) -> list[Product]:
        return self._select("WHERE unit = ? ORDER BY id", unit_id)

    def find(self, unit_id: str, product_id: str) -> Product | None:
        """None also when it is another unit's."""
        found = self._select("WHERE unit = ? AND id = ?", unit_id, product_id)
        return found[0] if found else None

    def change(self, unit_id: str, product_id: str, entry: Entry) -> bool:
        """Whether there is such a product of that unit."""
        with closing(self._connect()) as connection, connection:
            changed = connection.execute(
                "UPDATE products SET model = ?, grade = ?, price = ? WHERE unit = ? AND id = ?",
                (entry.model, entry.grade, entry.price, unit_id, product_id),
            )
            return changed.rowcount == 1

    def _select(self, rest: str, *values: str) -> list[Product]:
        with closing(self._connect()) as connection:
            rows = connection.execute(f"SELECT {_COLUMNS} FROM products {rest}", values)  # noqa: S608 words of our own
            return [
                Product(product_id, unit, name, certificate, valid_until, Entry(model, grade, price))
                for product_id, unit, name, certificate, valid_until, model, grade, price in rows
            ]

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=5)
