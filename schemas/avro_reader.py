"""Reads Avro binary as the one encoding that its content has, and says where each field lies.

The gate judges bytes from outside with this reader instead of a general one. It refuses whatever
is not the canonical form (overlong varints, split or sized blocks, trailing bytes), cannot be made
to allocate more than the bytes it is given allow, cannot overflow the stack, and is compiled to
straight-line Python per schema, so that one pass replaces decoding, encoding again and comparing.

The binary encoding is that of the Avro specification 1.12, "Binary encoding". Schemas must have
passed ``governance.schema_lint``: no recursion, no item of zero size, bounded depth.
"""

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Any, Final

Row = dict[str, Any]
Bounds = tuple[int, ...]
"""Where each top-level field begins, and where the last one ends."""
Read = Callable[[bytes, int], tuple[Row, Bounds]]
"""Takes the bytes and where the body begins; gives the record and its bounds."""

_FLOAT: Final = Struct("<f")
_DOUBLE: Final = Struct("<d")
_VARINT_SHIFT_MAX: Final = 63
_LONG_VALUES: Final = 1 << 64


class Malformed(ValueError):
    """The bytes are no record of this schema."""


class NotCanonical(Malformed):
    """The bytes could be read, but are not what an encoder writes for their content."""


def compile_reader(plain_schema: Mapping[str, Any]) -> Read:
    """A reader for records of a schema without logical types.

    It raises :class:`NotCanonical`, :class:`Malformed`, IndexError (bytes end too soon),
    ``struct.error`` or UnicodeDecodeError for bytes that are no canonical record.
    """
    source = _Source()
    source.top(plain_schema)
    names: dict[str, Any] = {
        "Malformed": Malformed,
        "NotCanonical": NotCanonical,
        "varint": _varint,
        "read_float": _FLOAT.unpack_from,
        "read_double": _DOUBLE.unpack_from,
        **source.constants,
    }
    # The text is built from this module's own templates and numbered names; whatever the schema
    # says of itself (field names, symbols) enters as constants, never as code.
    exec("\n".join(source.lines), names)  # noqa: S102
    read: Read = names["read"]
    return read


def _varint(data: bytes, at: int, value: int) -> tuple[int, int]:
    """The rest of a varint whose first byte, ``value``, announced more."""
    value &= 0x7F
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0:
                raise NotCanonical("overlong varint")
            if value >= _LONG_VALUES:
                raise Malformed("varint of more than 64 bits")
            return value, at
        shift += 7
        if shift > _VARINT_SHIFT_MAX:
            raise Malformed("varint of more than ten bytes")


class _Source:
    """The text of a reader while it is written. ``d`` are the bytes, ``i`` where to read next,
    ``n`` their length, ``b`` the varint just read."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self._functions: dict[str, str] = {}
        self._named: dict[str, Mapping[str, Any]] = {}
        self._count = 0

    def top(self, schema: Mapping[str, Any]) -> None:
        """The function ``read``, after those of the records inside."""
        namespace = self._define(schema, "")
        body = _Block(self, namespace)
        starts: list[str] = []
        values: list[str] = []
        for field in schema["fields"]:
            starts.append(self.name("p"))
            body.add(f"{starts[-1]} = i")
            values.append(body.value(field["type"]))
        names = [self.constant(field["name"]) for field in schema["fields"]]
        pairs = ", ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
        self.lines += ["def read(d, i):", "    n = len(d)"]
        self.lines += ["    " + line for line in body.lines]
        self.lines += ["    if i != n:", "        raise NotCanonical('trailing bytes')"]
        self.lines += [f"    return {{{pairs}}}, ({', '.join([*starts, 'i'])},)"]

    def name(self, prefix: str) -> str:
        """A name that nothing else has."""
        self._count += 1
        return f"{prefix}{self._count}"

    def constant(self, value: object) -> str:
        """A name for a constant that comes from the schema."""
        name = self.name("c")
        self.constants[name] = value
        return name

    def record(self, schema: Mapping[str, Any], namespace: str) -> str:
        """The name of the function that reads a record; it is written at first use."""
        full = _full_name(schema, namespace)
        if full not in self._functions:
            inner = self._define(schema, namespace)
            body = _Block(self, inner)
            pairs = ", ".join(
                f"{self.constant(field['name'])}: {body.value(field['type'])}"
                for field in schema["fields"]
            )
            name = self._functions[full] = self.name("record")
            self.lines += [f"def {name}(d, i, n):"]
            self.lines += ["    " + line for line in body.lines]
            self.lines += [f"    return {{{pairs}}}, i"]
        return self._functions[full]

    def _define(self, schema: Mapping[str, Any], namespace: str) -> str:
        """Remember a named type; gives the namespace inside it."""
        full = _full_name(schema, namespace)
        self._named[full] = schema
        return full.rpartition(".")[0]

    def resolve(self, schema: Any, namespace: str) -> Any:
        """A named type for its name; anything else as it is."""
        if isinstance(schema, str) and schema not in _PRIMITIVES:
            full = schema if "." in schema or not namespace else f"{namespace}.{schema}"
            return self._named[full if full in self._named else schema]
        if isinstance(schema, Mapping) and schema["type"] in ("enum", "fixed"):
            self._define(schema, namespace)
        return schema


_PRIMITIVES: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)


def _full_name(schema: Mapping[str, Any], namespace: str) -> str:
    name = str(schema["name"])
    space = str(schema.get("namespace", namespace))
    return name if "." in name or not space else f"{space}.{name}"


class _Block:
    """Lines at one level of indentation."""

    def __init__(self, source: _Source, namespace: str) -> None:
        self.lines: list[str] = []
        self._source = source
        self._namespace = namespace

    def add(self, *lines: str) -> None:
        self.lines += lines

    def value(self, schema: Any) -> str:
        """Write the reading of one value; gives the name that holds it."""
        schema = self._source.resolve(schema, self._namespace)
        kind = "union" if isinstance(schema, list) else schema
        if isinstance(schema, Mapping):
            kind = schema["type"]
            if not isinstance(kind, str) or kind in _PRIMITIVES:
                return self.value(kind)
        name = self._source.name("v")
        getattr(self, f"_{kind}")(name, schema)
        return name

    def _varint(self) -> None:
        self.add("b = d[i]; i += 1", "if b > 127: b, i = varint(d, i, b)")

    def _size(self, what: str) -> None:
        """A length: not negative, and not beyond the end."""
        self._varint()
        self.add("j = i + (b >> 1)", f"if b & 1 or j > n: raise Malformed('{what} length')")

    def _null(self, name: str, _schema: Any) -> None:
        self.add(f"{name} = None")

    def _boolean(self, name: str, _schema: Any) -> None:
        self.add("b = d[i]; i += 1", "if b > 1: raise NotCanonical('boolean')", f"{name} = b == 1")

    def _long(self, name: str, _schema: Any) -> None:
        self._varint()
        self.add(f"{name} = (b >> 1) ^ -(b & 1)")

    def _int(self, name: str, schema: Any) -> None:
        self._long(name, schema)
        self.add(f"if not -2147483648 <= {name} <= 2147483647: raise Malformed('int')")

    def _float(self, name: str, _schema: Any) -> None:
        self.add(f"{name}, = read_float(d, i)", "i += 4")

    def _double(self, name: str, _schema: Any) -> None:
        self.add(f"{name}, = read_double(d, i)", "i += 8")

    def _bytes(self, name: str, _schema: Any) -> None:
        self._size("bytes")
        self.add(f"{name} = d[i:j]", "i = j")

    def _string(self, name: str, _schema: Any) -> None:
        self._size("string")
        self.add(f"{name} = d[i:j].decode()", "i = j")

    def _fixed(self, name: str, schema: Any) -> None:
        self.add(f"j = i + {int(schema['size'])}", "if j > n: raise Malformed('fixed')")
        self.add(f"{name} = d[i:j]", "i = j")

    def _enum(self, name: str, schema: Any) -> None:
        symbols = self._source.constant(tuple(schema["symbols"]))
        self._varint()
        self.add(f"if b & 1 or b >> 1 >= {len(schema['symbols'])}: raise Malformed('enum index')")
        self.add(f"{name} = {symbols}[b >> 1]")

    def _union(self, name: str, schema: Any) -> None:
        self._varint()
        word = "if"
        for index, branch in enumerate(schema):
            block = _Block(self._source, self._namespace)
            block.add(f"{name} = {block.value(branch)}")
            self.add(f"{word} b == {index * 2}:", *("    " + line for line in block.lines))
            word = "elif"
        self.add("else: raise Malformed('union index')")

    def _items(self, block: "_Block") -> None:
        """One block of items and the end, as encoders write; each item takes a byte or more."""
        self._varint()
        self.add(
            "if b & 1: raise NotCanonical('sized block')",
            "if b >> 1 > n - i: raise Malformed('item count')",
            "if b:",
            "    for _ in range(b >> 1):",
            *("        " + line for line in block.lines),
            "    if d[i]: raise NotCanonical('split block')",
            "    i += 1",
        )

    def _array(self, name: str, schema: Any) -> None:
        block = _Block(self._source, self._namespace)
        block.add(f"{name}.append({block.value(schema['items'])})")
        self.add(f"{name} = []")
        self._items(block)

    def _map(self, name: str, schema: Any) -> None:
        block = _Block(self._source, self._namespace)
        key = block.value("string")
        block.add(f"if {key} in {name}: raise NotCanonical('map key twice')")
        block.add(f"{name}[{key}] = {block.value(schema['values'])}")
        self.add(f"{name} = {{}}")
        self._items(block)

    def _record(self, name: str, schema: Any) -> None:
        function = self._source.record(schema, self._namespace)
        self.add(f"{name}, i = {function}(d, i, n)")
