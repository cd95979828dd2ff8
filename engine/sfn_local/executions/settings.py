"""The settings of a machine that decide nothing about its executions here: AWS shows them.

Sources: Step Functions API Reference, LoggingConfiguration, TracingConfiguration and
EncryptionConfiguration; histories recorded from AWS. Nothing is sent to CloudWatch or X-Ray, and
nothing is encrypted; the settings are checked, kept and described as AWS does it.
"""

from typing import Any

from sfn_local.errors import InvalidEncryptionConfiguration, InvalidLoggingConfiguration

LOGGING, TRACING, ENCRYPTION = SETTINGS = (
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)
OFF = {"includeExecutionData": False, "level": "OFF"}
OWN_KEY = {"type": "AWS_OWNED_KEY"}

Settings = dict[str, dict[str, Any]]


def default_settings() -> Settings:
    """Those of a machine that was created without any."""
    return {LOGGING: dict(OFF), TRACING: {"enabled": False}, ENCRYPTION: dict(OWN_KEY)}


def changed_settings(current: Settings, given: Settings) -> Settings:
    """The settings with those that are given.

    Raises:
        InvalidLoggingConfiguration: there is not exactly one destination.
        InvalidEncryptionConfiguration: a key is missing, or there is one too many.
    """
    changed = {**current, **given}
    changed[LOGGING] = {**OFF, **changed[LOGGING]}
    changed[TRACING] = {"enabled": False, **changed[TRACING]}
    _check_logging(changed[LOGGING])
    check_encryption(changed[ENCRYPTION])
    return changed


def _check_logging(logging: dict[str, Any]) -> None:
    destinations = logging.get("destinations") or []
    groups = [each.get("cloudWatchLogsLogGroup") or {} for each in destinations]
    is_one = len(groups) == 1 and groups[0].get("logGroupArn") is not None
    if not is_one and (groups or logging["level"] != "OFF"):
        raise InvalidLoggingConfiguration("Must specify exactly one Log Destination.")


def check_encryption(encryption: dict[str, Any]) -> None:
    """See that a key is named where the customer's is wanted, and only there.

    Raises:
        InvalidEncryptionConfiguration: it is not so.
    """
    is_own = encryption["type"] == OWN_KEY["type"]
    if is_own and len(encryption) > 1:
        raise InvalidEncryptionConfiguration("AWS_OWNED_KEY takes no key and no reuse period.")
    if not is_own and encryption.get("kmsKeyId") is None:
        raise InvalidEncryptionConfiguration("CUSTOMER_MANAGED_KMS_KEY needs a kmsKeyId.")
