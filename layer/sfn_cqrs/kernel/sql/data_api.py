"""PostgreSQL through the RDS Data API: Aurora, without a driver or a VPC for functions."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.errors import SqlRefusedError
from sfn_cqrs.kernel.sql.sql import Scalar, Sql, SqlBusyError, Transaction, refusal

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


class _Statements(Transaction):
    def __init__(self, client: "RDSDataServiceClient", **within: str) -> None:
        self._client = client
        self._within: dict[str, Any] = within

    def _run(self, statement: str, parameters: Mapping[str, Scalar]) -> int:
        return self._execute(statement, parameters).get("numberOfRecordsUpdated", 0)

    def _texts(self, query: str, parameters: Mapping[str, Scalar]) -> list[str]:
        answer = self._execute(query, parameters)
        return [record[0]["stringValue"] for record in answer.get("records", [])]

    def _execute(
        self, statement: str, parameters: Mapping[str, Scalar]
    ) -> "ExecuteStatementResponseTypeDef":
        said = [_parameter(*one) for one in parameters.items()]
        with _telling():
            return self._client.execute_statement(sql=statement, parameters=said, **self._within)


class DataApiSql(Sql, _Statements):
    """One database of a cluster whose Data API is on; the secret has its user and password."""

    def __init__(
        self, client: "RDSDataServiceClient", cluster: str, secret: str, database: str
    ) -> None:
        """Use a cluster, by its ARN."""
        self._where = {"resourceArn": cluster, "secretArn": secret}
        super().__init__(client, database=database, **self._where)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Statements that take effect when the block ends, unless it raises.

        AWS rolls it back after three minutes, or after one minute between two statements.
        """
        with self._watched(SqlBusyError, SqlRefusedError):
            with _telling():
                begun = self._client.begin_transaction(**self._within)
            id_ = begun["transactionId"]
            try:
                yield _Statements(self._client, transactionId=id_, **self._within)
            except BaseException:
                with _telling():
                    self._client.rollback_transaction(transactionId=id_, **self._where)
                raise
            with _telling():
                self._client.commit_transaction(transactionId=id_, **self._where)


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
