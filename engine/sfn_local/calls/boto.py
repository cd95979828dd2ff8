"""All that needs boto3, which is installed with `sfn-local[aws]` and imported when it is needed."""

import os
from functools import partial
from importlib import import_module
from typing import Any

from sfn_local.calls.services import CachedServices, ServicesMissingError

MADE_UP = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
LOCAL_ENDPOINTS = {"stepfunctions": "STEP_FUNCTIONS_ENDPOINT"}
HINT = "install 'sfn-local[aws]'"


class BotoServices(CachedServices):
    """Clients of boto3, which is imported when the first is asked for."""

    def __init__(self, **arguments: Any) -> None:
        """Arguments of every client, such as endpoint_url and region_name."""
        super().__init__(partial(_boto_client, arguments))

    @classmethod
    def from_environment(cls, region: str, *, with_credentials: bool) -> "BotoServices":
        """Clients for the endpoints that the environment names.

        These are AWS_ENDPOINT_URL and its variants as boto3 knows them, and those of Step
        Functions Local, such as SQS_ENDPOINT. Unless they are to sign with the user's own
        credentials they sign with made-up ones, because anybody who can post a machine can make
        them call.
        """
        return cls(region_name=region) if with_credentials else cls(region_name=region, **MADE_UP)


class _MadeUpToken:
    """In the place of bearer tokens that the environment or a signed-in profile has."""

    def load_token(self, **_: Any) -> Any:
        return import_module("botocore.tokens").FrozenAuthToken("local")


def _boto_client(arguments: dict[str, Any], service: str) -> Any:
    try:
        boto3 = import_module("boto3")
    except ImportError:
        raise ServicesMissingError(f"{HINT} to call {service}, or mock the state") from None
    make = boto3.client
    if arguments.keys() >= MADE_UP.keys():  # given keys, no bearer token is to take their place
        core = import_module("botocore.session").Session()
        core.register_component("token_provider", _MadeUpToken())
        make = boto3.Session(botocore_session=core).client
    endpoint = os.environ.get(LOCAL_ENDPOINTS.get(service, f"{service.upper()}_ENDPOINT"))
    given = {} if endpoint is None else {"endpoint_url": endpoint}
    config = import_module("botocore.config").Config(
        parameter_validation=False,  # AWS's own services say what is missing
        response_checksum_validation="when_required",
    )
    if "config" in arguments:
        config = config.merge(arguments["config"])
    return make(service, **given, **{**arguments, "config": config})


def client_of_profile(profile: str, service: str) -> Any:
    """A client of AWS itself, which signs with a profile's credentials.

    Raises:
        ServicesMissingError: boto3 is not installed.
    """
    try:
        boto3 = import_module("boto3")
    except ImportError:
        raise ServicesMissingError(f"{HINT} to ask AWS") from None
    return boto3.Session(profile_name=profile).client(service)


def method_name(operation: str) -> str:
    """Return the name of an operation's method on boto3's clients."""
    return str(import_module("botocore").xform_name(operation))


def output_shape(service: str, action: str) -> Any:
    """The shape of an operation's answer; None where botocore has no such operation.

    Raises:
        ServicesMissingError: botocore is not installed.
    """
    try:
        loader = import_module("botocore.loaders").Loader()
    except ImportError:
        raise ServicesMissingError(f"{HINT} to compare with {service}'s API") from None
    try:
        described = loader.load_service_model(service, "service-2")
    except import_module("botocore.exceptions").UnknownServiceError:
        return None
    operation = operation_of(
        import_module("botocore.model").ServiceModel(described, service), action
    )
    return None if operation is None else operation.output_shape


def operation_of(model: Any, action: str) -> Any:
    """The operation of a service that an action names, whatever the case; None without one."""
    name = next((name for name in model.operation_names if name.lower() == action.lower()), None)
    return None if name is None else model.operation_model(name)
