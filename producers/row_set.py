"""A set of row numbers in one bit each: ten million rows take little more than a megabyte."""


class RowSet:
    """Row numbers from 0; ``bits`` are those of another set."""

    def __init__(self, bits: int = 0) -> None:
        self._bits = bytearray(bits.to_bytes((bits.bit_length() + 7) // 8, "little"))
        self._count = bits.bit_count()

    @property
    def bits(self) -> int:
        """The whole set as one number, bit ``n`` for row ``n``."""
        return int.from_bytes(self._bits, "little")

    def add(self, number: int) -> None:
        """Put a row in; again is as once."""
        index, bit = number >> 3, 1 << (number & 7)
        if index >= len(self._bits):
            self._bits.extend(bytes(max(index + 1 - len(self._bits), len(self._bits) // 8)))
        if not self._bits[index] & bit:
            self._bits[index] |= bit
            self._count += 1

    def discard(self, number: int) -> None:
        """Take a row out, if it is in."""
        if number in self:
            self._bits[number >> 3] ^= 1 << (number & 7)
            self._count -= 1

    def minus(self, other: "RowSet") -> "RowSet":
        """The rows that are in here and not in ``other``."""
        return RowSet(self.bits & ~other.bits)

    def __contains__(self, number: int) -> bool:
        index = number >> 3
        return index < len(self._bits) and bool(self._bits[index] & 1 << (number & 7))

    def __len__(self) -> int:
        return self._count
