"""Identifiers of the generated business: style codes by maker, GTINs, UUIDs, order numbers.

Every function is deterministic; those that take a `Random` consume it, the others hash names.
"""

from __future__ import annotations

import hashlib
import random
import string

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
# A grammar is read character by character: A a letter, 9 a digit, X a letter or digit, ~ a digit
# that is not 0; what stands in quotes or is anything else stays. "|" parts alternatives.
_GRAMMARS = {
    "nike": "DA~999-999|DD~999-999|DV~999-999|DZ~999-999|FB~999-999|FD~999-999|FJ~999-999|"
    "FQ~999-999|HF~999-999|CT~999-999|55~988-~99|85~542-~99",
    "adidas": "'GY'~999|'HQ'~999|'ID'~999|'IE'~999|'IF'~999|'IG'~999|'JH'~999|'B'~9999",
    "new_balance": "'BB550'AA9|'M2002R'AA|'M1906'AA|'U9060'AAA|'MR530'AA|'U990'AA9|'ML610'AA",
    "asics": "'120'~'A'999-~99",
    "onitsuka": "'1183B'999-~99",
    "converse": "1~9999'C'|'A0'~999'C'",
    "vans": "'VN0A'~9XX'BPS'~|'VN000'X9X'HY'~9",
    "puma": "3~9999-0~",
    "reebok": "'1000'~9999",
    "saucony": "'S70'~99-~",
    "salomon": "'L47'~99900",
    "hoka": "'11'~9999-AAAA",
    "on": "6~.~9999",
    "mizuno": "'D1GA'~9990~",
    "crocs": "20~999-~XX",
    "ugg": "11~9999-AAA|10~9999-AAAA",
    "birkenstock": "10~9999|0~9999~",
    "timberland": "'TB0A'~XX9'231'",
    "fila": "5'XM'0~999-~99",
    "under_armour": "30~9999-~99",
    "off_white": "'OMIA'~99'C99FAB00'~~001",
    "balenciaga": "53~999 'W2FA1 '~999",
    "gucci": "~99999 'UWV20 '~999",
    "louis_vuitton": "'M'~9999",
    "dior": "'3SN'~99'ZIR_H'~99",
    "prada": "'1BH'~99_'R064_F0'~99",
    "amiri": "'PXMD'~99-~99",
    "bape": "0'ZX'AAA~~999~A",
    "palace": "'P'~9AA~99",
    "stussy": "1~9999|11~999~",
    "carhartt": "'I0'~9999_89_'XX'",
    "north_face": "'NF0A'~X~A~X~",
    "stone_island": "~9~5~~99'V00'~9",
    "moncler": "'I2091'1A~9~9",
    "arcteryx": "'X0000'0~9~9",
    "champion": "'S'~9~9'P'",
    "ralph_lauren": "710~~99~9~99",
    "lacoste": "'L1212'-~9-AA~",
    "eastpak": "'EK'~9~AA9",
    "mattel": "'H'AA~9",
    "sony": "'CFI'-1~9~'A'",
    "microsoft": "'RRT'-000~9",
    "nintendo": "'HEG'-'S'-AAAAA",
    "apple": "'M'AA~3'ZM'/A",
    "casio": "'GA'-2~00-~A~",
    "swatch": "'SO33'A~~9",
    "oakley": "'OO'920~-~938",
    "rimowa": "~25.53.~~.~",
    "digits5": "~9999",
    "digits6": "~99999",
    "digits7": "~999999",
    "digits8": "~9999999",
    "digits11": "14~99999900",
}
_MASK = 0x3F


def stream(seed: int, name: str) -> random.Random:
    """An independent random source for one concern, so that one concern's draws move no other's."""
    return random.Random(f"{seed}:{name}")


def _fill(pattern: str, rng: random.Random) -> str:
    out: list[str] = []
    quoted = False
    for sign in pattern:
        if sign == "'":
            quoted = not quoted
        elif quoted:
            out.append(sign)
        elif sign == "9":
            out.append(rng.choice(string.digits))
        elif sign == "~":
            out.append(rng.choice(string.digits[1:]))
        elif sign == "A":
            out.append(rng.choice(_LETTERS))
        elif sign == "X":
            out.append(rng.choice(_LETTERS + string.digits))
        else:
            out.append(sign)
    return "".join(out)


def style_code(grammar: str, rng: random.Random) -> str | None:
    """A code as the maker would print it, or None for makers that print none."""
    if grammar == "none":
        return None
    return _fill(rng.choice(_GRAMMARS[grammar].split("|")), rng)


def style_key(code: str) -> str:
    """What two spellings of one code have in common: capitals and digits."""
    return "".join(sign for sign in code.upper() if sign.isascii() and sign.isalnum())


def stable_uuid(seed: int, *parts: object) -> str:
    """A version 4 shaped UUID that depends on nothing but its arguments."""
    text = "|".join([str(seed), *map(str, parts)])
    raw = bytearray(hashlib.blake2b(text.encode(), digest_size=16).digest())
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & _MASK | 0x80
    h = raw.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def stable_number(digits: int, *parts: object) -> str:
    """A number of so many digits, hashed from its arguments; the first digit is never 0."""
    text = "|".join(map(str, parts)).encode()
    value = int.from_bytes(hashlib.blake2b(text, digest_size=12).digest())
    return str(10 ** (digits - 1) + value % (9 * 10 ** (digits - 1)))


def upc(number: int) -> str:
    """The 12-digit UPC of a running number, with its check digit."""
    body = f"19{number:09d}"
    odd, even = sum(map(int, body[0::2])), sum(map(int, body[1::2]))
    return body + str(-(odd * 3 + even) % 10)


def order_number(index: int, created_second: int, *, is_flex: bool) -> str:
    """The number of the index-th generated order; unique by index, not sorted by it."""
    # 89999999 shares no factor with the multiplier, so the second half is a permutation.
    second = 10_000_000 + index * 48_271 % 89_999_999
    if is_flex:
        return f"02-{'ABCDEFGHJK'[index % 10]}{second:08d}Q"
    return f"{20_000_000 + created_second // 3 % 70_000_000}-{second}"
