"""Checks an archive of the audit with nothing but Python's own library: python3 check.py

It stands in every archive under that name, imports nothing of ours, and is short enough to be read.
The formats: RFC 6962 (Merkle tree), C2SP tlog-tiles (bundles), tlog-proof, tlog-checkpoint.
"""

import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path


def node(left: bytes, right: bytes) -> bytes:
    """RFC 6962 2.1: the hash above two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def split(count: int) -> int:
    """The largest power of two below a count."""
    return 1 << (count - 1).bit_length() - 1


def tree(hashes: list[bytes]) -> bytes:
    """RFC 6962 2.1: the root over the hashes of leaves."""
    if len(hashes) == 1:
        return hashes[0]
    middle = split(len(hashes))
    return node(tree(hashes[:middle]), tree(hashes[middle:]))


def first_path(hashes: list[bytes]) -> list[bytes]:
    """RFC 6962 2.1.1: the path of the first of these leaves, in the tree of these alone."""
    path: list[bytes] = []
    while len(hashes) > 1:
        middle = split(len(hashes))
        path.insert(0, tree(hashes[middle:]))
        hashes = hashes[:middle]
    return path


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162 2.1.3.2: the root to which a proof leads."""
    last = size - 1
    for sibling in path:
        if index % 2 or index == last:
            leaf = node(sibling, leaf)
            while index and index % 2 == 0:
                index, last = index // 2, last // 2
        else:
            leaf = node(leaf, sibling)
        index, last = index // 2, last // 2
    return leaf if last == 0 else b""


def entries_of(data: bytes) -> list[bytes]:
    """A bundle: each entry behind its length in two bytes, big-endian."""
    entries, start = [], 0
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start : start + 2], "big")
        entries.append(data[start + 2 : end])
        start = end
    if start != len(data):
        raise ValueError("the bundle is cut short")
    return entries


def wrong(archive: Path) -> list[str]:
    """Every file that is not what was exported, and every bundle that is not in the log."""
    found = []
    listed = set()
    for line in (archive / "SHA256SUMS").read_text().splitlines():
        digest, _, name = line.partition("  ")
        listed.add(archive / name)
        file = archive / name
        if not file.is_file() or sha256(file.read_bytes()).hexdigest() != digest:
            found.append(f"{name}: missing, or not what was exported")
    for file in sorted(archive.rglob("*")):
        if file.is_file() and file not in listed and file.name != "SHA256SUMS":
            found.append(f"{file.relative_to(archive)}: was not exported")
    checkpoint = (archive / "checkpoint").read_bytes()
    size, root = checkpoint.split(b"\n")[1:3]
    for file in sorted((archive / "records").glob("*.bundle")):
        hashes = [sha256(b"\x00" + entry).digest() for entry in entries_of(file.read_bytes())]
        proof, _, signed = file.with_suffix(".tlog-proof").read_bytes().partition(b"\n\n")
        path = [b64decode(line) for line in proof.split(b"\n")[2:]]
        inside = first_path(hashes)
        if (
            signed != checkpoint
            or proof.split(b"\n")[1] != b"index %d" % int(file.stem)
            or path[: len(inside)] != inside
            or root_of(hashes[0], int(file.stem), int(size), path) != b64decode(root)
        ):
            found.append(f"{file.name}: not these records are under the checkpoint")
    return found


def main() -> int:
    """Print what is wrong; then who must have signed the checkpoint, which this does not check."""
    archive = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    found = wrong(archive)
    sys.stdout.write("\n".join([*found, ""]) if found else "every record is under the checkpoint\n")
    sys.stdout.write((archive / "plain" / "checkpoint.txt").read_text())
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
