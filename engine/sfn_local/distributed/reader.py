"""ItemReader: which files to read, and as what.

Source: Step Functions Developer Guide, "ItemReader (Map)".
"""

import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from sfn_local.calls.services import Services, ServicesMissingError
from sfn_local.dataflow.fields import (
    Field,
    choice_in,
    compile_arguments,
    compile_integer,
    object_in,
)
from sfn_local.distributed.items import (
    DELIMITERS,
    CsvFormat,
    Item,
    decompressed,
    read_csv,
    read_json,
    read_json_lines,
    read_parquet,
    tagged,
)
from sfn_local.document import Document, Json, loads
from sfn_local.errors import DefinitionError, ItemReaderFailure
from sfn_local.executions.line import Visit

MOST_ITEMS = 100_000_000

GET_OBJECT = "arn:aws:states:::s3:getObject"
LIST_OBJECTS = "arn:aws:states:::s3:listObjectsV2"
FLATTEN = "LOAD_AND_FLATTEN"

CHOICES = {
    "InputType": ("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"),
    "ManifestType": ("ATHENA_DATA", "S3_INVENTORY"),
    "Transformation": ("NONE", FLATTEN),
}


@dataclass(frozen=True, slots=True)
class Object:
    """An object in S3, as GetObject takes it."""

    parameters: dict[str, Json]

    @property
    def source(self) -> str:
        """Its URI."""
        return f"s3://{self.parameters['Bucket']}/{self.parameters['Key']}"


class ItemReader:
    """The field of a Map state."""

    def __init__(self, state: dict[str, Json]) -> None:
        """Compile it.

        Raises:
            DefinitionError: it is not well formed.
        """
        reader = object_in(state, "ItemReader")
        self._resource = str(reader.get("Resource"))
        if self._resource not in (GET_OBJECT, LIST_OBJECTS):
            message = f"Resource must be {GET_OBJECT} or {LIST_OBJECTS}"
            raise DefinitionError(message, "/ItemReader/Resource")
        self._arguments = compile_arguments(state, reader, "/ItemReader")
        self._config = reader.get("ReaderConfig", {})
        _check_config(self._config)
        self._most_items: Field[int] = compile_integer(
            state, self._config, "MaxItems", "/ItemReader/ReaderConfig", least=None
        )

    def open(self, visit: Visit, document: Document) -> "Opening":
        """Return the reader of the items, with the values that the state's data decides.

        Raises:
            RuntimeFailure: a path leads nowhere, or MaxItemsPath to no number.
        """
        parameters = self._arguments(visit, document)
        most = self._most_items(visit, document) or 0
        return Opening(self._resource, parameters, self._config, most)


@dataclass(frozen=True, slots=True)
class Opening:
    """A dataset about to be read."""

    resource: str
    parameters: Json
    config: dict[str, Json]
    most_items: int

    def read(self, services: Services) -> Iterator[Item]:
        """The items, at most MaxItems of them; may wait for the network.

        Raises:
            ItemReaderFailure: they cannot be read.
        """
        if self.most_items < 0:
            raise ItemReaderFailure("field MaxItems must be positive")
        try:
            reader = _Reader(services.client("s3"), self.config)
            read = reader.list if self.resource == LIST_OBJECTS else reader.get
            yield from itertools.islice(read(self.parameters), self.most_items or MOST_ITEMS)
        except ItemReaderFailure:
            raise
        except Exception as error:
            raise ItemReaderFailure(explain(error)) from error


class _Reader:
    """Reads with a client of S3."""

    def __init__(self, client: Any, config: dict[str, Json]) -> None:
        self._client = client
        self._config = config
        self._type = config.get("InputType")

    def list(self, parameters: Json) -> Iterator[Item]:
        """The entries of a listing, or with LOAD_AND_FLATTEN the items of the objects."""
        bucket = parameters["Bucket"]
        flatten = self._config.get("Transformation") == FLATTEN
        for entry in self._entries(parameters):
            if flatten:
                yield from self.get({"Bucket": bucket, "Key": entry["Key"]})
            else:
                yield Item(_listed(entry), f"s3://{bucket}")

    def get(self, parameters: Json) -> Iterator[Item]:
        """The items of an object."""
        manifest = self._config.get("ManifestType")
        if manifest == "ATHENA_DATA":
            return self._athena(Object(parameters))
        if manifest == "S3_INVENTORY" or self._type == "MANIFEST":
            return self._inventory(Object(parameters))
        return self._read(Object(parameters))

    def _read(self, each: Object) -> Iterator[Item]:
        stream = self._open(each)
        if self._type == "JSON":
            return read_json(stream, self._config.get("ItemsPointer"), each.source)
        if self._type == "JSONL":
            return tagged(read_json_lines(stream), each.source)
        if self._type == "PARQUET":
            return tagged(read_parquet(stream), each.source)
        return tagged(read_csv(stream, _csv_format(self._config)), each.source)

    def _athena(self, manifest: Object) -> Iterator[Item]:
        text = io.TextIOWrapper(io.BytesIO(self._open(manifest).read()), "utf-8")
        for row in csv.reader(text):
            for uri in row[:1]:
                bucket, _, key = uri.removeprefix("s3://").partition("/")
                yield from self._read(Object({"Bucket": bucket, "Key": key}))

    def _inventory(self, manifest: Object) -> Iterator[Item]:
        described = loads(self._open(manifest).read().decode())
        schema = tuple(name.strip() for name in described["fileSchema"].split(","))
        bucket = described["destinationBucket"].rpartition(":")[2]
        for file in described["files"]:
            part = Object({"Bucket": bucket, "Key": file["key"]})
            rows = read_csv(self._open(part), CsvFormat(headers=schema))
            yield from tagged(rows, part.source)

    def _open(self, each: Object) -> IO[bytes]:
        body = self._client.get_object(**each.parameters)["Body"]
        return decompressed(body, each.parameters["Key"])

    def _entries(self, parameters: dict[str, Json]) -> Iterator[dict[str, Any]]:
        more: dict[str, str] = {}
        while True:
            page = self._client.list_objects_v2(**parameters, **more)
            yield from page.get("Contents", [])
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}


def explain(error: Exception) -> str:
    """An error of a service as a cause: in AWS's words where it is one of theirs."""
    if isinstance(error, ServicesMissingError):
        return str(error)
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return f"{type(error).__name__}: {error}"
    details, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    return (
        f"{details.get('Message')} (Service: Amazon S3; "
        f"Status Code: {metadata.get('HTTPStatusCode')}; Error Code: {details.get('Code')}; "
        f"Request ID: {metadata.get('RequestId')})"
    )


def _listed(entry: dict[str, Any]) -> Json:
    """An entry of a listing as a child of a Map Run receives it."""
    return {
        "Etag": entry["ETag"],
        "Key": entry["Key"],
        "LastModified": int(entry["LastModified"].timestamp()),
        "Size": entry["Size"],
        "StorageClass": entry.get("StorageClass", "STANDARD"),
    }


def _csv_format(config: dict[str, Json]) -> CsvFormat:
    delimiter = DELIMITERS[config.get("CSVDelimiter", "COMMA")]
    is_given = config.get("CSVHeaderLocation") == "GIVEN"
    return CsvFormat(delimiter, tuple(config["CSVHeaders"]) if is_given else None)


def _check_config(config: Json) -> None:
    pointer = "/ItemReader/ReaderConfig"
    if not isinstance(config, dict):
        raise DefinitionError("ReaderConfig must be an object", pointer)
    for field, choices in CHOICES.items():
        choice_in(config, field, choices, pointer)
    if config.get("ManifestType") == "S3_INVENTORY" and "InputType" in config:
        message = "InputType must be left out where ManifestType is S3_INVENTORY"
        raise DefinitionError(message, f"{pointer}/InputType")
    if config.get("Transformation") == FLATTEN and "InputType" not in config:
        raise DefinitionError(f"{FLATTEN} needs an InputType", f"{pointer}/InputType")
