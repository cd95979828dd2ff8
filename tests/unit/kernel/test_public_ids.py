"""One reader for the ids that the world knows: a letter for the kind, and a ULID."""

import pytest

from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.keys import ApprovalKey, ImportKey, ImportKind, SagaKey, ZipKey, task_id_parts

ULID = "01KAXK3V9Q0M3W8C5R6T7Y8Z9A"
READERS = {
    "a": lambda id_: ApprovalKey.of("t1", id_),
    "c": lambda id_: ImportKey.of("t1", id_),
    "g": lambda id_: SagaKey.of("t1", id_),
    "s": task_id_parts,
    "z": lambda id_: ZipKey.of("t1", id_),
}
TWINS = {"c": "r", "s": "t"}


@pytest.mark.parametrize("letter", [*READERS, *TWINS.values()])
@pytest.mark.parametrize("kind", READERS)
def test_an_id_is_of_its_own_kind_alone(kind, letter):
    if letter in (kind, TWINS.get(kind)):
        READERS[kind](f"{letter}-{ULID}")
    else:
        with pytest.raises(NotFoundError, match=f"which is .*{kind}- .*and 26"):
            READERS[kind](f"{letter}-{ULID}")


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    "id_",
    ["", "{}", "{}-", "{}" + ULID, "{}-" + ULID.lower(), "{}-" + ULID + "\n", "x{}-" + ULID]
    + ["{}-" + ULID[:-1] + other for other in ("", "I", "L", "O", "U", "#", "AA")],
)
def test_what_is_no_id_names_nothing(kind, id_):
    with pytest.raises(NotFoundError):
        READERS[kind](id_.format(kind))


@pytest.mark.parametrize("key", [ApprovalKey("t1", ULID), SagaKey("t1", ULID), ZipKey("t1", ULID)])
def test_a_key_reads_its_own_id(key):
    assert type(key).of("t1", key.id) == key


@pytest.mark.parametrize("kind", ImportKind)
def test_an_import_of_each_kind_reads_its_own_id(kind):
    key = ImportKey("t1", ULID, kind)

    assert ImportKey.of("t1", key.id) == key
    assert key.id == f"{kind}-{ULID}"


@pytest.mark.parametrize(
    ("id_", "is_zip"), [(f"z-{ULID}", True), (f"c-{ULID}", False), ("", False)]
)
def test_an_archive_is_known_by_its_id(id_, is_zip):
    assert ZipKey.is_named_by(id_) is is_zip
