"""S3 in a dictionary, as far as readers and writers of Distributed Maps ask for it."""

import io
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

BUCKET = "bucket"
MODIFIED = datetime(2022, 11, 17, 15, 44, 41, tzinfo=UTC)


class FakeS3:
    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[dict[str, Any]] = []
        self.page_size = 2

    def get_object(self, **parameters: Any) -> dict[str, Any]:
        self.calls.append(parameters)
        self.head_bucket(Bucket=parameters["Bucket"])
        if parameters["Key"] not in self.objects:
            raise _error("NoSuchKey", "The specified key does not exist.", 404)
        return {"Body": io.BytesIO(self.objects[parameters["Key"]])}

    def put_object(self, *, Key: str, Body: Any, **_: Any) -> None:  # noqa: N803 - AWS's names
        self.objects[Key] = Body if isinstance(Body, bytes) else Body.read()

    def head_bucket(self, *, Bucket: str) -> None:  # noqa: N803
        if Bucket != BUCKET:
            raise _error("NoSuchBucket", "The specified bucket does not exist", 404)

    def list_objects_v2(self, **parameters: Any) -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(parameters.get("Prefix", "")))
        start = int(parameters.get("ContinuationToken", 0))
        end = start + self.page_size
        contents = [
            {
                "Key": key,
                "ETag": '"etag"',
                "LastModified": MODIFIED,
                "Size": len(self.objects[key]),
                "StorageClass": "STANDARD",
            }
            for key in keys[start:end]
        ]
        is_truncated = end < len(keys)
        more = {"NextContinuationToken": str(end)} if is_truncated else {}
        return {"Contents": contents, "IsTruncated": is_truncated, **more}


class FakeServices:
    def __init__(self) -> None:
        self.s3 = FakeS3()

    def client(self, service: str) -> FakeS3:
        assert service == "s3"
        return self.s3


def _error(code: str, message: str, status: int) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "REQUEST"},
    }
    return ClientError(response, "GetObject")
