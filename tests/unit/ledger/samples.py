"""A small log with its keys: what the published test log of Tessera holds, and two witnesses.

Names, keys, leaves, root and signatures are the vectors B and D of the specification.
"""

from base64 import b64decode
from hashlib import sha256

from sharebus.ledger.checkpoint import Checkpoint
from sharebus.ledger.cosignature import Cosigner
from sharebus.ledger.keys import NoteSigner
from sharebus.ledger.note import Note

ORIGIN = "example.com/log/testdata"
VKEY = f"{ORIGIN}+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
SIGNER_KEY = f"PRIVATE+KEY+{ORIGIN}+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg"
LEAVES = tuple(
    word.encode()
    for word in "one two three four five six seven eit nain ten ileven twelf threeten fourten "
    "fivten".split()
)
LEAF_HASHES = tuple(sha256(b"\x00" + leaf).digest() for leaf in LEAVES)
ROOT = b64decode("rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=")
INCLUSION_7 = tuple(
    map(
        b64decode,
        (
            "2Q0P5jSR+TdkwdXWyx+GbBWX0KZbNZkWzCjyTPSozsw=",
            "ycRkkNklus5eMVRUvkD1pK321vMrA+jjOiZKU8aOcY4=",
            "zY1lN35vrXYAPixXSd59LsU29xUJtuW4o2dNNg5Y2Co=",
            "5jLpqTgjsBDSEX6SgZiRnbTMdTuRd8bQ5tSsAOxe0Ks=",
        ),
    )
)
CONSISTENCY_7_ONLY = b64decode("ThcgoV2DYcK+VCxBUDWAlNxmLy2r7dq7dK7+OlgQKWs=")

WITNESS_VKEY = "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"
COSIGNED_SECONDS = 1679315147
COSIGNATURE_LINE = (
    "— witness.example/w1 519lMgAAAABkGFDLo0vvaVMnQBetpNUCKKILroiWxoSAyyV9iB/cgczFo9ONQdSuKdatX9+k"
    "2ggtjAKaVSHrTWaVvipK5HiRqnepAA==\n"
).encode()

LOG = NoteSigner.from_text(SIGNER_KEY)
WITNESS = Cosigner.from_seed("witness.example/w1", bytes(range(32)))
OTHER_WITNESS = Cosigner.from_seed("witness.example/w2", bytes(range(1, 33)))
STRANGER = NoteSigner.from_seed("stranger.example", bytes(32))

BODY = Checkpoint(ORIGIN, 15, ROOT).body()
SIGNED = Note(BODY).signed_by(LOG)
COSIGNED = SIGNED.with_signatures([WITNESS.cosign(BODY, COSIGNED_SECONDS)])

POLICY = f"""# one log, one of two witnesses
log {VKEY} https://log.example/
witness W1 {WITNESS_VKEY}
witness W2 {OTHER_WITNESS.key.vkey()} https://w2.example/
group both any W1 W2
quorum both
""".encode()
