"""Files broken by chance, the same for the same seed."""

import os
import random
from typing import Final

SOAK: Final = int(os.environ.get("SCALEHOSTER_TEST_SOAK", "1"))
"""How many times as many hostile files as in a common run; 20 keep two cores busy for some time."""


def mutant(source: bytes, chance: random.Random) -> bytes:
    """Flip, cut, double or overwrite, a little or a lot; headers more often than their share."""
    made = bytearray(source)
    for _ in range(chance.choice([1, 1, 2, 5, 20])):
        at = chance.randrange(chance.choice([64, len(made)]) if len(made) > 64 else len(made))
        length = chance.choice([1, 1, 2, 4, 16])
        match chance.randrange(5):
            case 0:
                made[at] ^= 1 << chance.randrange(8)
            case 1:
                made[at : at + length] = chance.randbytes(length)
            case 2:
                made[at : at + length] = chance.choice([b"\xff", b"\0", b"\x7f"]) * length
            case 3:
                made[at:at] = made[at : at + length]
            case _:
                del made[at : at + length]
    return bytes(made[: chance.randrange(len(made))] if chance.random() < 0.1 else made)
