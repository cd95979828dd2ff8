import importlib
from itertools import count
from threading import Barrier, Thread

import pytest
from tests.support.typed import forgetting

from sfn_cqrs.kernel.errors import AppBrokenError, BusyError, UnknownTypeError
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.handlers import known_elsewhere
from sfn_cqrs.machines.command.process import Lane

PACKAGES = count()
LETTERS = """
from sfn_cqrs.machines.command.handlers import command_type, on_notice, sync_handler

@sync_handler("LETTER")
def letters_by_sender(command):
    pass

@sync_handler("LETTER")
def letters_by_date(command):
    pass

@on_notice("command-status")
def tell(notice):
    pass

command_type("NOTE")
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a maker of a user's package that APP_PACKAGE names; nothing else is registered."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(**modules):
        name = f"post{next(PACKAGES)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        for module, text in modules.items():
            (folder / f"{module}.py").write_text(text)
        monkeypatch.setenv("APP_PACKAGE", name)

    with forgetting():
        for registry in (
            handlers.registry.sync,
            handlers.registry.notices,
            handlers.registry.loaded,
        ):
            registry.clear()
        yield make


def test_every_module_of_the_users_package_is_found(package):
    package(letters=LETTERS, parcels=LETTERS.replace("LETTER", "PARCEL").replace("NOTE", "CARD"))

    assert handlers.names_of("LETTER") == ["letters_by_sender", "letters_by_date"]
    assert handlers.names_of("PARCEL") == ["letters_by_sender", "letters_by_date"]
    assert len(handlers.notice_handlers("command-status")) == 2


def test_a_handler_is_found_by_type_and_name(package):
    package(letters=LETTERS)

    assert handlers.find("LETTER", "letters_by_date").__name__ == "letters_by_date"
    with pytest.raises(KeyError):
        handlers.find("LETTER", "letters_by_colour")
    with pytest.raises(KeyError):
        handlers.find("NOTE", "letters_by_date")


@pytest.mark.parametrize(
    ("version", "error"), [("7", BusyError), ("$LATEST", KeyError), ("", KeyError)]
)
def test_only_code_behind_an_alias_waits_for_names_that_it_does_not_know(
    version, error, package, monkeypatch
):
    package(letters=LETTERS)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_VERSION", version)

    with pytest.raises(error):
        handlers.find("LETTER", "letters_by_colour")
    with pytest.raises(error if error is BusyError else UnknownTypeError), known_elsewhere():
        raise UnknownTypeError("CARD", [])
    with pytest.raises(ZeroDivisionError), known_elsewhere():
        raise ZeroDivisionError


def test_a_type_may_need_no_handler_but_the_data_tables(package):
    package(letters=LETTERS)

    handlers.check_type("NOTE")
    assert handlers.names_of("NOTE") == []


def test_a_module_that_cannot_be_imported_is_named_with_its_line(package):
    package(letters=LETTERS, parcels="import sys\n\ndef broken(:\n    pass\n")

    with pytest.raises(
        AppBrokenError, match=r"\.parcels cannot be imported: SyntaxError"
    ) as raised:
        handlers.check_type("LETTER")

    place, source = raised.value.trace.splitlines()
    assert place.endswith('/parcels.py", line 3')
    assert source == "    def broken(:"


def test_a_module_that_raises_when_it_is_imported_is_named_and_healed_by_its_repair(
    package, tmp_path
):
    package(letters=LETTERS, parcels="import no_such_library\n")
    with pytest.raises(AppBrokenError, match="No module named 'no_such_library'") as raised:
        handlers.check_type("LETTER")
    assert raised.value.trace.endswith("    import no_such_library")

    (module,) = tmp_path.glob("*/parcels.py")
    module.write_text("names = []\n")
    importlib.invalidate_caches()

    handlers.check_type("LETTER")


def test_a_package_that_is_not_there_is_named(package, monkeypatch):
    package()
    monkeypatch.setenv("APP_PACKAGE", "no_such_package")

    with pytest.raises(AppBrokenError, match=r"^no_such_package cannot be imported"):
        handlers.names_of("LETTER")


def test_an_unknown_type_is_refused_with_those_that_exist(package):
    package(letters=LETTERS)

    with pytest.raises(
        UnknownTypeError, match="'PARCEL' is not registered; known types: LETTER, NOTE"
    ):
        handlers.check_type("PARCEL")


def test_an_action_that_nobody_asked_for_has_no_handler(package):
    package(letters=LETTERS)

    assert handlers.notice_handlers("import-status") == []


def test_the_data_tables_handler_cannot_be_replaced(package):
    package(letters=LETTERS.replace("letters_by_date", "dynamodb"))

    with pytest.raises(AppBrokenError, match="'dynamodb' stands for the data row; choose another"):
        handlers.check_type("LETTER")


@pytest.mark.parametrize("register", [handlers.sync_handler, handlers.command_type])
def test_a_type_that_no_command_can_have_is_refused_where_it_is_registered(register):
    with pytest.raises(ValueError, match="'airport' cannot be a type: it must be 1 to 64 capital"):
        register("airport")


def test_two_modules_cannot_take_the_same_name_for_a_type(package):
    package(letters=LETTERS, more_letters=LETTERS)

    with pytest.raises(
        AppBrokenError, match=r"'letters_by_sender' is a handler of post\d+.letters already"
    ):
        handlers.check_type("LETTER")


def test_a_module_that_does_not_import_says_so_every_time(package):
    package(letters="import a_module_that_is_missing")

    for _ in range(2):
        with pytest.raises(
            AppBrokenError, match=r"ModuleNotFoundError: .*a_module_that_is_missing"
        ):
            handlers.check_type("LETTER")


def test_the_package_is_imported_once_whoever_asks_first(package):
    package(letters=LETTERS)
    barrier = Barrier(8)

    def ask():
        barrier.wait()
        handlers.check_type("LETTER")

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(handlers.notice_handlers("command-status")) == 1


def test_the_shop_registers_its_types():
    handlers.check_type("AIRPORT")
    handlers.check_type("ORDER")


class TestLane:
    @pytest.fixture(autouse=True)
    def _of_their_own(self, monkeypatch):
        monkeypatch.setenv("EXPRESS_LANE", "enabled")
        for name in ("sync", "access", "lanes"):
            monkeypatch.setattr(handlers.registry, name, {})

    @pytest.mark.parametrize(
        ("declared", "lane"),
        [
            ({}, Lane.EXPRESS),
            ({"lane": "express"}, Lane.EXPRESS),
            ({"lane": "standard"}, Lane.STANDARD),
        ],
    )
    def test_a_type_is_express_unless_it_says_otherwise(self, declared, lane):
        handlers.command_type("CRATE", **declared)

        assert handlers.lane_of("CRATE") is lane

    def test_without_the_lane_every_type_is_standard(self, monkeypatch):
        monkeypatch.setenv("EXPRESS_LANE", "disabled")
        handlers.command_type("CRATE")

        assert handlers.lane_of("CRATE") is Lane.STANDARD

    def test_a_lane_that_there_is_not_is_refused(self):
        with pytest.raises(ValueError, match="CRATE: lane is express or standard, not 'fast'"):
            handlers.command_type("CRATE", lane="fast")
