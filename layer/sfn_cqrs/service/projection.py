"""Runs one handler for one version."""

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.passing import is_passing
from sfn_cqrs.domain import chain
from sfn_cqrs.domain.command import Command
from sfn_cqrs.domain.errors import SyncHandlerError, TransientError, VersionGapError
from sfn_cqrs.domain.keys import ItemKey
from sfn_cqrs.service import handlers
from sfn_cqrs.service.chain import Chain


def project(key: ItemKey, version: int, handler: str) -> None:
    """Load a command and bring it to one target.

    Raises:
        TransientError: the target is busy; try again.
        SyncHandlerError: the handler raised anything else.
        VersionGapError: the command is not stored.
    """
    command = bootstrap.commands().find(key, version)
    if command is None:
        raise VersionGapError(f"version {version} is not stored")
    if handler == handlers.DEFAULT_HANDLER:
        Chain(key, command).run(chain.apply(version))
    else:
        run_handler(command, handler)


def run_handler(command: Command, name: str) -> None:
    """Run one of the user's handlers.

    Raises:
        TransientError: the handler says that another try may cure it, or AWS was busy.
        SyncHandlerError: the handler raised anything else.
    """
    try:
        handlers.find(command.key.type, name)(command)
    except TransientError as error:
        raise TransientError(f"{name}: {error}") from error
    except Exception as error:
        if is_passing(error):
            raise TransientError(f"{name}: {type(error).__name__}: {error}") from error
        raise SyncHandlerError(f"{name}: {type(error).__name__}: {error}") from error
