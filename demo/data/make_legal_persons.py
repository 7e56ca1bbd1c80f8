"""Makes legal-persons.csv and legal-persons-bad.csv: synthetic rows, the same at every run.

    python demo/data/make_legal_persons.py [DIRECTORY]

Every name says that it is an example (示例). The credit codes have valid check characters and an
organisation number that begins with YY, which no registered one is known to do; telephone numbers
begin as none can (0574-0000), streets are invented.
"""

import csv
import random
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Final

ROWS: Final = 1_000
SEED: Final = 171
FIELDS: Final = (
    "uscc", "name", "legal_representative", "phone", "registered_address", "district",
    "registered_on", "registered_capital_yuan", "status",
)  # fmt: skip
DISTRICTS: Final = {
    "330203": "海曙区", "330205": "江北区", "330206": "北仑区", "330211": "镇海区",
    "330212": "鄞州区", "330213": "奉化区", "330225": "象山县", "330226": "宁海县",
    "330281": "余姚市", "330282": "慈溪市",
}  # fmt: skip
TRADES: Final = ("纺织", "模具", "海运", "文具", "家电", "化工", "软件", "农业", "物流", "光学")
KINDS: Final = ("有限公司", "股份有限公司", "合伙企业", "个人独资企业")
STATUSES: Final = ("active",) * 16 + ("suspended", "revoked", "deregistered", "deregistered")

# GB 32100-2015: the alphabet of credit codes and the weights of its check character.
ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS: Final = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
# GB 11714-1997: weights of the organisation number inside it, whose letters count from A = 10.
ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def credit_code(district: str, serial: str) -> str:
    """A credit code of an enterprise (91) around a serial of eight characters."""
    total = sum(
        weight * int(character, 36)
        for weight, character in zip(ORGANISATION_WEIGHTS, serial, strict=True)
    )
    organisation = serial + "0123456789X0"[11 - total % 11]
    body = f"91{district}{organisation}"
    total = sum(
        weight * ALPHABET.index(character) for weight, character in zip(WEIGHTS, body, strict=True)
    )
    return body + ALPHABET[-total % 31]


def make_rows(count: int, seed: int) -> list[dict[str, str]]:
    """Rows with different credit codes."""
    draw = random.Random(seed)  # noqa: S311 - examples, not secrets
    rows = []
    for number in range(1, count + 1):
        district = draw.choice(list(DISTRICTS))
        trade, kind = draw.choice(TRADES), draw.choice(KINDS)
        street, house = draw.randint(1, 30), draw.randint(1, 400)
        registered = date(1995, 1, 1) + timedelta(days=draw.randint(0, 11_300))
        rows.append(
            {
                "uscc": credit_code(district, f"YY{number:06}"),
                "name": f"示例{number:04}号{trade}{kind}",
                "legal_representative": f"示例人{draw.randint(1, 9_999):04}",
                "phone": f"0574-0000{number % 10_000:04}" if draw.random() < 0.8 else "",
                "registered_address": f"宁波市{DISTRICTS[district]}示例路{street}弄{house}号",
                "district": district,
                "registered_on": registered.isoformat(),
                "registered_capital_yuan": str(draw.randint(1, 5_000) * 10_000),
                "status": draw.choice(STATUSES),
            }
        )
    return rows


def make_bad_rows() -> list[dict[str, str]]:
    """Rows that are each wrong in one way: two only the gate's content checks see."""
    rows = make_rows(5, SEED + 1)
    for number, row in enumerate(rows, start=1):
        row["uscc"] = credit_code(row["district"], f"YYB{number:05}")
        row["name"] = f"示例坏行{number}号有限公司"
    code = rows[0]["uscc"]
    rows[0]["uscc"] = code[:-1] + ALPHABET[(ALPHABET.index(code[-1]) + 1) % len(ALPHABET)]
    rows[1]["district"] = "330299"
    rows[2]["registered_on"] = "2010-02-30"
    rows[3]["registered_capital_yuan"] = "一百万"
    rows[4]["status"] = "unknown"
    return rows


def write(path: Path, rows: list[dict[str, str]]) -> None:
    """UTF-8 with LF line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    write(directory / "legal-persons.csv", make_rows(ROWS, SEED))
    write(directory / "legal-persons-bad.csv", make_bad_rows())
