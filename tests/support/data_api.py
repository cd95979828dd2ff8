"""The RDS Data API over a PostgreSQL: what it accepts is checked by botocore's own model."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from pg8000.exceptions import DatabaseError
from pg8000.native import BIGINT, BOOLEAN, FLOAT, VARCHAR, Connection

from sfn_local.http_server import Request, Response, serve

CLUSTER = "arn:aws:rds:us-east-1:000000000000:cluster:toy"
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:toy"
LARGEST_REQUEST = 4 * 1024 * 1024
LARGEST_ANSWER = 1024 * 1024
LARGEST_ROW = 64 * 1024
MODEL = ServiceModel(Loader().load_service_model("rds-data", "service-2"))
TYPES = {
    "stringValue": VARCHAR,
    "longValue": BIGINT,
    "doubleValue": FLOAT,
    "booleanValue": BOOLEAN,
    "isNull": -1,
}


class ApiError(Exception):
    """An error of the service."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class DataApi:
    """One cluster with one database; a connection for each transaction, one for the rest."""

    def __init__(self, connect: Any) -> None:
        self._connect = connect
        self._lock = Lock()
        self._transactions: dict[str, Connection] = {}
        self.failures: list[ApiError] = []
        """What the next requests are answered with."""
        self.statements: list[str] = []

    def handle(self, request: Request) -> Response:
        """Answer a request."""
        with self._lock:
            try:
                return Response.of_json(self._answer(request))
            except ApiError as error:
                headers = {"x-amzn-ErrorType": error.code, "Content-Type": "application/json"}
                body = json.dumps({"message": str(error)}).encode()
                return Response(error.status, headers, body)

    def _answer(self, request: Request) -> dict[str, Any]:
        if self.failures:
            raise self.failures.pop(0)
        if len(request.body) > LARGEST_REQUEST:
            raise ApiError("BadRequestException", "the request is too large")
        operation = next(
            one
            for one in map(MODEL.operation_model, MODEL.operation_names)
            if one.http["requestUri"] == request.path
        )
        given = json.loads(request.body)
        report = ParamValidator().validate(given, operation.input_shape)
        unknown = given.keys() - operation.input_shape.members.keys()
        if report.has_errors() or unknown:
            raise ApiError("BadRequestException", report.generate_report() or f"{unknown}")
        if (given["resourceArn"], given["secretArn"]) != (CLUSTER, SECRET):
            raise ApiError("ForbiddenException", "no such cluster")
        return getattr(self, f"_{operation.name}")(given)

    def _BeginTransaction(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002, N802
        id_ = f"transaction-{len(self._transactions) + 1}"
        self._transactions[id_] = self._connect()
        self._transactions[id_].run("BEGIN")
        return {"transactionId": id_}

    def _CommitTransaction(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._end(given["transactionId"], "COMMIT")
        return {"transactionStatus": "Transaction Committed"}

    def _RollbackTransaction(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self._end(given["transactionId"], "ROLLBACK")
        return {"transactionStatus": "Rollback Complete"}

    def _ExecuteStatement(self, given: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.statements.append(given["sql"])
        values, types = {}, {}
        for one in given.get("parameters", ()):
            (kind, value) = next(iter(one["value"].items()))
            values[one["name"]] = None if kind == "isNull" else value
            types[one["name"]] = TYPES[kind]
        if "transactionId" in given:
            connection = self._transaction(given["transactionId"])
            return self._executed(connection, given["sql"], values, types)
        connection = self._connect()
        try:
            return self._executed(connection, given["sql"], values, types)
        finally:
            connection.close()

    def _executed(
        self, connection: Connection, sql: str, values: dict[str, Any], types: dict[str, Any]
    ) -> dict[str, Any]:
        try:
            rows = connection.run(sql, types=types, **values)
        except DatabaseError as error:
            said = error.args[0]
            place = f"; Position: {said['P']}" if "P" in said else ""
            message = f"ERROR: {said['M']}{place}; SQLState: {said['C']}"
            raise ApiError("DatabaseErrorException", message) from error
        if connection.columns is None:
            return {"generatedFields": [], "numberOfRecordsUpdated": max(0, connection.row_count)}
        records = [[_field(value) for value in row] for row in rows]
        if any(len(json.dumps(row)) > LARGEST_ROW for row in records):
            raise ApiError("UnsupportedResultException", "a row is too large")
        if len(json.dumps(records)) > LARGEST_ANSWER:
            raise ApiError("BadRequestException", "Database returned more than the allowed limit")
        return {"numberOfRecordsUpdated": 0, "records": records}

    def _transaction(self, id_: str) -> Connection:
        if id_ not in self._transactions:
            raise ApiError("TransactionNotFoundException", f"{id_} is not found", 404)
        return self._transactions[id_]

    def _end(self, id_: str, how: str) -> None:
        connection = self._transaction(id_)
        del self._transactions[id_]
        connection.run(how)
        connection.close()


def _field(value: Any) -> dict[str, Any]:
    if value is None:
        return {"isNull": True}
    kinds = {bool: "booleanValue", int: "longValue", float: "doubleValue"}
    kind = kinds.get(type(value), "stringValue")
    return {kind: value if kind != "stringValue" else str(value)}


@contextmanager
def serving(connect: Any) -> Iterator[tuple[str, DataApi]]:
    """Serve it; yields its URL, and what to make it fail with."""
    api = DataApi(connect)
    server = serve("127.0.0.1", 0, api.handle, max_body=2 * LARGEST_REQUEST)
    try:
        yield server.url, api
    finally:
        server.close()
