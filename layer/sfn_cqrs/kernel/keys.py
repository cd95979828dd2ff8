"""Keys of the tables: built here and never parsed back.

One partition takes a thousand writes a second. So the items of one thing have a partition of
their own. Things that are listed are in buckets, by a hash of the sort key; a list merges them.

Inside a key, `%`, `@` and `#` of a code are percent-encoded, so that no code can look
like a version, a process item or another code's prefix. The item keeps the code as it is.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar

from sfn_cqrs.kernel.clock import RANDOM_BITS, RANDOM_CHARACTERS, ULID, in_crockford
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError

BUCKETS = 16
MAX_CODE_BYTES = 256
MAX_VERSION = 99_999_999
ALL_TENANTS = "*"
"""What an operator of the stack names in place of a tenant; a tenant cannot have this name."""
JOB_PREFIX = "JOB#"
SAGA_PREFIX = "SAGA#"
APPROVAL_PREFIX = "APPROVAL#"
FILE_PREFIX = "FILE#"
HOOK_PREFIX = "HOOK#"
PLAN_PREFIX = "plan#"
"""No type has small letters, so a plan's sort key is none of a version."""
TYPE_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
"""The form of a type's name, of items, tasks or approvals."""
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HASHED = re.compile(r"[a-z2-7]{26}")
_PUBLIC_ID = re.compile(rf"([a-z])-({ULID})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class ExecutionRef:
    """A key that an execution has as its input and in its name."""

    __slots__ = ()

    @classmethod
    def from_input(cls, execution_input: dict[str, object]) -> Self:
        """Read an execution's input back.

        Raises:
            InvalidInputError: a field is missing, of another type or none that such input has.
        """
        try:
            return cls._read(execution_input)
        except (KeyError, TypeError) as error:
            raise InvalidInputError("input", f"the execution's input lacks {error}") from error
        except NotFoundError as error:
            raise InvalidInputError("id", str(error)) from error

    @classmethod
    def _read(cls, given: dict[str, object]) -> Self:
        raise NotImplementedError


class InOnePartition:
    """A record's key whose partition has all that is listed with it."""

    __slots__ = ()

    @property
    def listed_in(self) -> list[str]:
        """The partition that a list is read from."""
        key: Any = self
        return [key.pk]


class InBuckets:
    """A record's key whose list is spread over the buckets of its partition."""

    __slots__ = ()

    @property
    def pk(self) -> str:
        """The bucket that holds the record."""
        key: Any = self
        return bucketed(key._partition, key.sk)

    @property
    def listed_in(self) -> list[str]:
        """All buckets."""
        key: Any = self
        return buckets(key._partition)


@dataclass(frozen=True, slots=True)
class ItemKey:
    """One item of one tenant; its versions, its data row and its history share this key."""

    tenant: str
    type: str
    code: str

    @classmethod
    def checked(cls, tenant: object, type_: object, code: object) -> "ItemKey":
        """Make a key from a user's input.

        Raises:
            InvalidInputError: a part is empty, is too long or has forbidden characters.
        """
        tenant = checked_tenant(tenant)
        if not isinstance(type_, str) or not TYPE_NAME.fullmatch(type_):
            raise InvalidInputError(
                "type", "must be 1 to 64 capital letters, digits or '_', a letter first"
            )
        return cls(tenant, type_, checked_key_part(code, "code"))

    @property
    def pk(self) -> str:
        """The partition of the item's versions, their processes and its history."""
        return f"TENANT#{self.tenant}#{self.sk}"

    @property
    def data_pk(self) -> str:
        """The bucket of its type that holds the data row."""
        return bucketed(_data_partition(self.tenant, self.type), self.sk)

    @property
    def sk(self) -> str:
        """The sort key of the data row."""
        return f"{type_prefix(self.type)}{_encoded(self.code)}"

    @property
    def versions_prefix(self) -> str:
        """Return the prefix of the sort keys of all versions."""
        return f"{self.sk}@"

    def version_sk(self, version: int) -> str:
        """The sort key of a command or of a history row."""
        return f"{self.versions_prefix}{version:08d}"

    def process_sk(self, version: int) -> str:
        """The sort key of a command's process item."""
        return f"{self.version_sk(version)}#process"


@dataclass(frozen=True, slots=True)
class UniqueKey(InOnePartition):
    """A value that one item of a type and tenant may have; the hash says nothing about it."""

    tenant: str
    type: str
    hash: str

    @property
    def pk(self) -> str:
        """A partition of its own."""
        return f"{unique_begin(self.tenant, self.type)}{self.hash}"

    @property
    def sk(self) -> str:
        """The sort key."""
        return "UNIQUE"


@dataclass(frozen=True, slots=True)
class PlanKey(InOnePartition):
    """What is planned under a name on an item; it lies in the item's partition."""

    item: ItemKey
    name: str

    @property
    def id(self) -> str:
        """The name, which is unique on the item."""
        return self.name

    @property
    def tenant(self) -> str:
        """The item's tenant."""
        return self.item.tenant

    @property
    def pk(self) -> str:
        """The partition of the item's versions."""
        return self.item.pk

    @property
    def sk(self) -> str:
        """The sort key; an empty name gives the prefix of all plans of the item."""
        return f"{PLAN_PREFIX}{_encoded(self.name)}"


def id_parts(id_: str, what: str, letters: str) -> tuple[str, str]:
    """The letter and the ULID of a public id, which begins with one of these letters.

    Raises:
        NotFoundError: it is no such id.
    """
    found = _PUBLIC_ID.fullmatch(id_)
    if found is None or found[1] not in letters:
        like = f"{'- or '.join(letters)}- and 26 letters and digits"
        raise NotFoundError(f"{id_!r} is not an id of {what}, which is {like}")
    return found[1], found[2]


@dataclass(frozen=True, slots=True)
class PublicKey(InOnePartition):
    """One record of one tenant that has a public id: a letter for its kind, and a ULID."""

    tenant: str
    ulid: str

    WHAT: ClassVar[str]
    LETTERS: ClassVar[str]
    PARTITION: ClassVar[str]
    PREFIX: ClassVar[str]

    @classmethod
    def of(cls, tenant: str, id_: str) -> Self:
        """The key of a public id.

        Raises:
            NotFoundError: it is not an id of this kind.
        """
        return cls(tenant, id_parts(id_, cls.WHAT, cls.LETTERS)[1])

    @property
    def letter(self) -> str:
        """The first letter of the public id."""
        return self.LETTERS

    @property
    def id(self) -> str:
        """The public id, which names the kind and so the partition."""
        return f"{self.letter}-{self.ulid}"

    @property
    def pk(self) -> str:
        """The partition that holds the record."""
        return self._partition

    @property
    def sk(self) -> str:
        """The sort key; records sort by the time they were made."""
        return f"{self.PREFIX}{self.ulid}"

    @property
    def parts_pk(self) -> str:
        """The partition of what belongs to the record."""
        return f"{self._partition}#{self.ulid}"

    @property
    def _partition(self) -> str:
        return f"{self.PARTITION}#{self.tenant}"


@dataclass(frozen=True, slots=True)
class BudgetKey(InOnePartition):
    """One tenant's share of something that all tenants use."""

    tenant: str
    what: str = "WRITES"

    @property
    def pk(self) -> str:
        """The partition of the tenant's budgets."""
        return f"TENANT#{self.tenant}#BUDGET"

    @property
    def sk(self) -> str:
        """The sort key: writes a second, unless it is something else."""
        return self.what


@dataclass(frozen=True, slots=True)
class QueueKey(InOnePartition):
    """The owners of a limited number of places that all tenants share."""

    what: str

    @property
    def pk(self) -> str:
        """The partition of all queues."""
        return "QUEUE"

    @property
    def sk(self) -> str:
        """The sort key: what is queued for."""
        return self.what


class ImportKind(StrEnum):
    """A file that the machine imports, or a single row.

    The value is the first letter of the import's public id.
    """

    CSV = "c"
    ROW = "r"


_IMPORT_PARTITIONS = {ImportKind.CSV: "CSV_IMPORT", ImportKind.ROW: "IMPORT"}


@dataclass(frozen=True, slots=True)
class ImportKey(InBuckets, PublicKey, ExecutionRef):
    """One import of one tenant; its own partition has its plans, markers and counters."""

    kind: ImportKind = ImportKind.CSV

    WHAT = "an import"
    LETTERS = "".join(ImportKind)
    PREFIX = JOB_PREFIX

    @classmethod
    def of(cls, tenant: str, id_: str) -> Self:
        """The key of a public id.

        Raises:
            NotFoundError: it is not an import id.
        """
        letter, ulid = id_parts(id_, cls.WHAT, cls.LETTERS)
        return cls(tenant, ulid, ImportKind(letter))

    @property
    def letter(self) -> str:
        """The first letter of the public id."""
        return self.kind.value

    @property
    def _partition(self) -> str:
        return f"{_IMPORT_PARTITIONS[self.kind]}#{self.tenant}"

    def request_id(self, row: int) -> str:
        """Return the id by which a row finds the version that it published."""
        return f"{self.id}#{row}"

    def as_input(self) -> dict[str, object]:
        """The execution's input; the same job gives the same text, whoever starts it."""
        return {"id": self.id, "tenant": self.tenant}

    @classmethod
    def _read(cls, given: dict[str, object]) -> Self:
        return cls.of(str(given["tenant"]), str(given["id"]))

    def execution_name(self, table: str) -> str:
        """The execution's name: one per job, the same for ever."""
        return f"i-{hashed(table, self.pk, self.sk)}"


@dataclass(frozen=True, slots=True)
class ZipKey(PublicKey):
    """One ZIP import of one tenant; its files have a partition of their own."""

    WHAT = "a ZIP import"
    LETTERS = "z"
    PARTITION = "ZIP_IMPORT"
    PREFIX = JOB_PREFIX

    @classmethod
    def is_named_by(cls, id_: str) -> bool:
        """Whether a public id is one of a ZIP import."""
        found = _PUBLIC_ID.fullmatch(id_)
        return found is not None and found[1] == cls.LETTERS

    def file_sk(self, index: int) -> str:
        """The sort key of a file in the job's own partition."""
        return f"{FILE_PREFIX}{index:04d}"

    def file_key(self, index: int) -> str:
        """The object that a file is extracted to; nothing of it comes from the archive."""
        return f"jobs/{self.tenant}/{self.id}/files/{index:04d}.csv"

    def child(self, index: int) -> ImportKey:
        """The import of a file: always the same one, made when the archive's was."""
        digest = hashlib.sha256(f"{self.pk}|{self.ulid}|{index}".encode()).digest()
        number = int.from_bytes(digest[: RANDOM_BITS // 8])
        made_at = self.ulid[:-RANDOM_CHARACTERS]
        return ImportKey(self.tenant, f"{made_at}{in_crockford(number, RANDOM_CHARACTERS)}")


@dataclass(frozen=True, slots=True)
class ApprovalKey(PublicKey):
    """One approval of one tenant."""

    WHAT = "an approval"
    LETTERS = "a"
    PARTITION = "APPROVAL"
    PREFIX = APPROVAL_PREFIX


@dataclass(frozen=True, slots=True)
class SagaKey(PublicKey):
    """One saga of one tenant; its log is in the same item."""

    WHAT = "a saga"
    LETTERS = "g"
    PARTITION = "SAGA"
    PREFIX = SAGA_PREFIX


@dataclass(frozen=True, slots=True)
class ErasureKey(InBuckets):
    """The erasure of one person of a tenant, who is named by a hash."""

    tenant: str
    id: str

    @classmethod
    def of(cls, tenant: str, subject: str) -> "ErasureKey":
        """Return the key for a person, as the field that `subject=` names has it."""
        return cls(tenant, hashed("erasure", tenant, subject))

    @classmethod
    def named(cls, tenant: str, id_: str) -> "ErasureKey":
        """Return the key that an id names.

        Raises:
            NotFoundError: it is no such id.
        """
        if not _HASHED.fullmatch(id_):
            raise NotFoundError(f"the erasure {id_} does not exist")
        return cls(tenant, id_)

    @property
    def sk(self) -> str:
        """The sort key."""
        return self.id

    @property
    def _partition(self) -> str:
        return f"ERASURE#{self.tenant}"

    @property
    def objects(self) -> str:
        """Return the folder of the objects that hold what is stored about the person."""
        return f"{self.tenant}/{self.id}"


class TaskKind(StrEnum):
    """Many items that the machine works on, or one that the queue's consumer does.

    The value is the first letter of the task's public id.
    """

    BATCH = "t"
    SINGLE = "s"


@dataclass(frozen=True, slots=True)
class TaskKey(InBuckets):
    """One task of one tenant; its items have a partition of their own."""

    tenant: str
    type: str
    ulid: str
    kind: TaskKind = TaskKind.BATCH

    @property
    def id(self) -> str:
        """The public id, which names the kind and so the partition."""
        return f"{self.kind}-{self.ulid}"

    @property
    def sk(self) -> str:
        """The sort key of the task."""
        return f"{type_prefix(self.type)}{self.ulid}"

    @property
    def items_pk(self) -> str:
        """The partition of the task's items, and of the pointer to the task."""
        return task_items_partition_key(self.tenant, self.kind, self.ulid)

    @property
    def _partition(self) -> str:
        return _tasks_partition(self.tenant, self.kind)

    def item_sk(self, index: int) -> str:
        """The sort key of an item."""
        return f"{self.sk}#{index:06d}"


A = TypeVar("A", bound=PublicKey | TaskKey)


@dataclass(frozen=True, slots=True)
class AttemptRef(ExecutionRef, Generic[A]):
    """One attempt to bring a record to its end: all that an execution carries."""

    key: A
    attempt: int

    KIND: ClassVar[type[Any]]
    LETTER: ClassVar[str]

    def as_input(self) -> dict[str, object]:
        """The execution's input; the same attempt gives the same text, whoever starts it."""
        own = {"attempt": self.attempt, "id": self.key.id, "tenant": self.key.tenant}
        return {**own, **self._more()}

    def execution_name(self, table: str) -> str:
        """The execution's name: one per attempt, at most 80 characters, the same for ever."""
        return f"{self.LETTER}-{hashed(table, self.key.pk, self.key.sk)}-a{self.attempt}"

    def _more(self) -> dict[str, object]:
        return {}

    @classmethod
    def _read(cls, given: dict[str, object]) -> Self:
        return cls(*cls._attempt(given))

    @classmethod
    def _attempt(cls, given: dict[str, object]) -> tuple[A, int]:
        key: A = cls.KIND.of(str(given["tenant"]), str(given["id"]))
        return key, integer_of(given, "attempt")


@dataclass(frozen=True, slots=True)
class ZipRef(AttemptRef[ZipKey]):
    """One attempt to import an archive."""

    KIND = ZipKey
    LETTER = ZipKey.LETTERS


@dataclass(frozen=True, slots=True)
class ApprovalRef(AttemptRef[ApprovalKey]):
    """One attempt to bring an approval to its end."""

    KIND = ApprovalKey
    LETTER = ApprovalKey.LETTERS


@dataclass(frozen=True, slots=True)
class SagaRef(AttemptRef[SagaKey]):
    """One attempt to bring a saga to its end; its machine has the name of the saga.

    All that are declared have one machine, `DECLARED`.
    """

    saga: str
    is_declared: bool = False

    KIND = SagaKey
    LETTER = SagaKey.LETTERS
    DECLARED: ClassVar[str] = "saga"

    @property
    def machine(self) -> str:
        """Return the name of the machine that runs it."""
        return self.machine_of(self._more())

    @classmethod
    def machine_of(cls, given: dict[str, Any]) -> str:
        """Return the name of the machine that has been given an input."""
        return cls.DECLARED if given.get("declared") is True else str(given.get("saga"))

    def _more(self) -> dict[str, object]:
        declared = {"declared": True} if self.is_declared else {}
        return {"saga": self.saga, **declared}

    @classmethod
    def _read(cls, given: dict[str, object]) -> Self:
        is_declared = given.get("declared") is True
        return cls(*cls._attempt(given), str(given["saga"]), is_declared=is_declared)


DEFAULT_CONCURRENCY = 2
"""So many items of a task are worked on at a time, where its type says nothing else."""


@dataclass(frozen=True, slots=True)
class TaskRef(AttemptRef[TaskKey]):
    """One attempt to work on a task; items go by their indexes, so many at a time."""

    items: tuple[int, ...] = field(default=(), compare=False)
    concurrency: int = field(default=DEFAULT_CONCURRENCY, compare=False)

    LETTER = TaskKind.BATCH.value

    def _more(self) -> dict[str, object]:
        items = {"items": list(self.items), "concurrency": self.concurrency}
        return {**items, "type": self.key.type}

    @classmethod
    def _read(cls, given: dict[str, object]) -> Self:
        tenant, type_ = str(given["tenant"]), str(given["type"])
        kind, ulid = task_id_parts(str(given["id"]))
        attempt, items = integer_of(given, "attempt"), given["items"]
        concurrency = DEFAULT_CONCURRENCY  # which an earlier release did not send
        if "concurrency" in given:
            concurrency = integer_of(given, "concurrency")
        if not isinstance(items, list):
            raise InvalidInputError("input", "items must be a list")
        return cls(TaskKey(tenant, type_, ulid, kind), attempt, tuple(items), concurrency)


@dataclass(frozen=True, slots=True)
class CommandRef(ExecutionRef):
    """One attempt to run one version: all that an execution carries."""

    key: ItemKey
    version: int
    attempt: int

    def as_input(self) -> dict[str, object]:
        """The execution's input; the same attempt gives the same text, whoever starts it."""
        return {
            "attempt": self.attempt,
            "code": self.key.code,
            "tenant": self.key.tenant,
            "type": self.key.type,
            "version": self.version,
        }

    @classmethod
    def _read(cls, given: dict[str, object]) -> Self:
        tenant, type_, code = (given[name] for name in ("tenant", "type", "code"))
        key = ItemKey.checked(tenant, type_, code)
        version, attempt = (integer_of(given, name) for name in ("version", "attempt"))
        return cls(key, version, attempt)

    def execution_name(self, table: str) -> str:
        """The execution's name: one per attempt, at most 80 characters, the same for ever."""
        text = hashed(table, self.key.pk, self.key.version_sk(self.version))
        return f"c-{text}-v{self.version}-a{self.attempt}"


def integer_of(execution_input: dict[str, object], name: str) -> int:
    """A field of an execution's input that is a number.

    Raises:
        InvalidInputError: it is none.
    """
    value = execution_input[name]
    if not isinstance(value, int):
        raise InvalidInputError("input", f"{name} must be an integer")
    return value


@dataclass(frozen=True, slots=True)
class MappingKey:
    """The headings that somebody's files have for a table's columns.

    `kind` is `user` or `machine`, and empty for code; nobody is named in the key.
    """

    tenant: str
    table: str
    kind: str = ""
    user: str = ""

    @property
    def pk(self) -> str:
        """The partition of a tenant's mappings."""
        return f"IMPORT_MAPPING#{self.tenant}"

    @property
    def sk(self) -> str:
        """The table, and for a client the hash of its name."""
        if not self.kind:
            return self.table
        return f"{self.table}#{hashlib.sha256(f'{self.kind}#{self.user}'.encode()).hexdigest()}"


def checked_tenant(tenant: object) -> str:
    """A tenant, if a key can hold it.

    Raises:
        InvalidInputError: it is empty, too long or has characters that it may not have.
    """
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise InvalidInputError("tenant", "must be 1 to 64 letters, digits, '.', '_' or '-'")
    return tenant


def tenant_of(pk: str) -> str:
    """Return whose partition of any table this is; empty if it is nobody's.

    A partition's name begins with its kind, or with a read model's name, and then has the tenant.
    Those of rebuilds begin with `#`.
    """
    parts = pk.removeprefix("#").split("#")
    return parts[1] if len(parts) > 1 else ""


def checked_key_part(text: object, field: str) -> str:
    """A text that a user chose, if a key can hold it.

    Raises:
        InvalidInputError: it is empty, too long or has characters that it may not have.
    """
    if not isinstance(text, str) or not text:
        raise InvalidInputError(field, "must not be empty")
    if _CONTROL.search(text):
        raise InvalidInputError(field, "must not contain control characters")
    if len(text.encode()) > MAX_CODE_BYTES:
        raise InvalidInputError(field, f"must be at most {MAX_CODE_BYTES} bytes in UTF-8")
    return text


def task_id_parts(id_: str) -> tuple[TaskKind, str]:
    """The kind and the ULID of a public id.

    Raises:
        NotFoundError: it is not a task id.
    """
    letter, ulid = id_parts(id_, "a task", "".join(TaskKind))
    return TaskKind(letter), ulid


def _tasks_partition(tenant: str, kind: TaskKind) -> str:
    return f"{'SFN_TASK' if kind is TaskKind.BATCH else 'TASK'}#{tenant}"


def task_items_partition_key(tenant: str, kind: TaskKind, ulid: str) -> str:
    """The partition that holds the items of one task."""
    return f"{_tasks_partition(tenant, kind)}#{ulid}"


def data_partitions(tenant: str, type_: str) -> list[str]:
    """The partitions that hold a tenant's data rows of a type."""
    return buckets(_data_partition(tenant, type_))


def _data_partition(tenant: str, type_: str) -> str:
    return f"TENANT#{tenant}#{type_}"


def request_key(tenant: str, key: str) -> tuple[str, str]:
    """Partition and sort key of what a client with an Idempotency-Key was told."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"TENANT#{tenant}#REQUEST#{digest}", "REQUEST"


def bucketed(partition: str, sk: str) -> str:
    """Return the bucket of a sort key."""
    return f"{partition}#{shard_of(partition, sk, BUCKETS):02d}"


def buckets(partition: str, count: int = BUCKETS) -> list[str]:
    """All buckets of a partition."""
    return [f"{partition}#{number:02d}" for number in range(count)]


def versions_begin(tenant: str, type_: str = "") -> str:
    """Return the common prefix of the partitions of a tenant's versions, or of one type's."""
    of_type = type_prefix(type_) if type_ else ""
    return f"TENANT#{'' if tenant == ALL_TENANTS else f'{tenant}#{of_type}'}"


def unique_begin(tenant: str, type_: str = "") -> str:
    """Return the common prefix of the partitions of a tenant's unique values, or of one type's."""
    return f"UNIQUE#{tenant}#{type_prefix(type_) if type_ else ''}"


def secret_place(tenant: str) -> tuple[str, str]:
    """Partition and sort key of the secret by which a tenant's unique values are hashed."""
    return unique_begin(tenant), "SECRET"


def shard_of(pk: str, sk: str, shards: int) -> int:
    """The shard of an item: always the same for the same keys."""
    return hashlib.sha256(f"{pk}|{sk}".encode()).digest()[0] % shards


def type_prefix(type_: str) -> str:
    """Return the prefix of the sort keys of a type's items."""
    return f"{type_}#"


def _encoded(code: str) -> str:
    return code.replace("%", "%25").replace("@", "%40").replace("#", "%23")


def hashed(*identity: str, secret: bytes = b"") -> str:
    """26 characters that any name may hold, the same for the same identity and secret."""
    text = "|".join(identity).encode()
    digest = hmac.digest(secret, text, "sha256") if secret else hashlib.sha256(text).digest()
    return base64.b32encode(digest).decode().lower()[:26]
