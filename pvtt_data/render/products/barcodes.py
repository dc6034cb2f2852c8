"""EAN-13 barcodes (GS1 General Specifications, section 5.2), drawn as shops print them."""

from __future__ import annotations

from pvtt_data.render.products.family import Dice

_LEFT_ODD = (
    "0001101",
    "0011001",
    "0010011",
    "0111101",
    "0100011",
    "0110001",
    "0101111",
    "0111011",
    "0110111",
    "0001011",
)
_PARITY = ("OOOOOO", "OOEOEE", "OOEEOE", "OOEEEO", "OEOOEE", "OEEOOE", "OEEEOO", "OEOEOE", "OEOEEO", "OEEOEO")
GUARDS = frozenset({0, 1, 2, 45, 46, 47, 48, 49, 92, 93, 94})
"""Modules of the guard bars, which reach further down."""


def check_digit(first_twelve: str) -> int:
    """The thirteenth digit: weights 1 and 3 in turn, filled up to a multiple of ten."""
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(first_twelve))
    return -total % 10


def draw_number(dice: Dice) -> str:
    """A number of the range 200-299, which GS1 keeps for use inside a shop, so that it names no real article."""
    twelve = "2" + "".join(str(digit) for digit in dice.integers(0, 10, 11))
    return twelve + str(check_digit(twelve))


def modules(number: str) -> str:
    """The 95 modules of a 13-digit number, "1" for a bar."""
    if len(number) != 13 or not number.isdigit() or check_digit(number[:12]) != int(number[12]):
        raise ValueError(f"{number!r} is not an EAN-13")
    left = ""
    for digit, parity in zip(number[1:7], _PARITY[int(number[0])], strict=True):
        odd = _LEFT_ODD[int(digit)]
        left += odd if parity == "O" else _inverted(odd)[::-1]
    right = "".join(_inverted(_LEFT_ODD[int(digit)]) for digit in number[7:])
    return f"101{left}01010{right}101"


def _inverted(code: str) -> str:
    return code.translate(str.maketrans("01", "10"))
