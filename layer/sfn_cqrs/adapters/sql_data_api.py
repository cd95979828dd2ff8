"""PostgreSQL through the RDS Data API: Aurora, without a driver or a VPC for functions."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from sfn_cqrs.adapters.sql import Scalar, Sql, SqlBusyError, Transaction, as_json, checked, refusal
from sfn_cqrs.adapters.transient import is_busy
from sfn_cqrs.domain.errors import SqlRefusedError

if TYPE_CHECKING:
    from mypy_boto3_rds_data import RDSDataServiceClient
    from mypy_boto3_rds_data.type_defs import ExecuteStatementResponseTypeDef, SqlParameterTypeDef

_PASSING: Final = (
    "DatabaseResumingException",  # a paused cluster takes some 15 seconds to answer
    "DatabaseUnavailableException",
    "StatementTimeoutException",
    "TransactionNotFoundException",  # it was idle for too long
)
_STATE: Final = re.compile(r";?\s{0,2}SQLState: (\w{5})")
_PLACE: Final = re.compile(r";?\s{0,2}Position: (\d+)")


class DataApiSql(Sql):
    """One database of a cluster whose Data API is on; the secret has its user and password."""

    def __init__(
        self, client: "RDSDataServiceClient", cluster: str, secret: str, database: str
    ) -> None:
        """Use a cluster, by its ARN."""
        self._client = client
        self._where: dict[str, str] = {"resourceArn": cluster, "secretArn": secret}
        self._database = database

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Statements that take effect when the block ends, unless it raises.

        AWS rolls it back after three minutes, or after one minute between two statements.
        """
        with self._watched(SqlBusyError, SqlRefusedError):
            with _telling():
                begun = self._client.begin_transaction(database=self._database, **self._where)
            id_ = begun["transactionId"]
            try:
                yield _Open(self, id_)
            except BaseException:
                with _telling():
                    self._client.rollback_transaction(transactionId=id_, **self._where)
                raise
            with _telling():
                self._client.commit_transaction(transactionId=id_, **self._where)

    def execute(
        self, statement: str, parameters: Mapping[str, Scalar], transaction: str = ""
    ) -> "ExecuteStatementResponseTypeDef":
        """Run one statement, in a transaction if it has begun one."""
        within: dict[str, Any] = {"transactionId": transaction} if transaction else {}
        within |= self._where
        with _telling():
            return self._client.execute_statement(
                database=self._database,
                sql=statement,
                parameters=[_parameter(*one) for one in checked(parameters).items()],
                **within,
            )

    def _run(self, statement: str, parameters: Mapping[str, Scalar]) -> int:
        return self.execute(statement, parameters).get("numberOfRecordsUpdated", 0)

    def _texts(self, query: str, parameters: Mapping[str, Scalar]) -> list[str]:
        return _texts_of(self.execute(query, parameters))


class _Open(Transaction):
    def __init__(self, sql: DataApiSql, id_: str) -> None:
        self._sql = sql
        self._id = id_

    def run(self, statement: str, **parameters: Scalar) -> int:
        answer = self._sql.execute(statement, parameters, self._id)
        return answer.get("numberOfRecordsUpdated", 0)

    def rows(self, query: str, **parameters: Scalar) -> list[dict[str, Any]]:
        answer = self._sql.execute(as_json(query), parameters, self._id)
        return [json.loads(text) for text in _texts_of(answer)]


def _texts_of(answer: "ExecuteStatementResponseTypeDef") -> list[str]:
    return [record[0]["stringValue"] for record in answer.get("records", [])]


def _parameter(name: str, value: Scalar) -> "SqlParameterTypeDef":
    if value is None:
        return {"name": name, "value": {"isNull": True}}
    if isinstance(value, bool):
        return {"name": name, "value": {"booleanValue": value}}
    if isinstance(value, int):
        return {"name": name, "value": {"longValue": value}}
    if isinstance(value, float):
        return {"name": name, "value": {"doubleValue": value}}
    return {"name": name, "value": {"stringValue": value}}


@contextmanager
def _telling() -> Iterator[None]:
    """Raise the errors of both adapters instead of botocore's."""
    try:
        yield
    except ClientError as error:
        said = error.response.get("Error", {})
        code, message = said.get("Code", ""), said.get("Message", "")
        state, place = _STATE.search(message), _PLACE.search(message)
        if state is not None:
            text = _PLACE.sub("", _STATE.sub("", message)).removeprefix("ERROR: ")
            where = f"position {place[1]}" if place else ""
            raise refusal(state[1], text, where) from error
        if code in _PASSING or is_busy(error):
            raise SqlBusyError(f"{code}: {message}") from error
        raise
