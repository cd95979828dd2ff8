"""What runs behind `live` on the local stack: what was published last, as on AWS."""

import sys
from contextlib import chdir
from pathlib import Path

import pytest
from tests.support.over_http import fetch
from tests.support.project import forget, share_translations
from tests.support.typed import forgetting
from tools.tests.local.test_new_project import project_in

from sfn_cqrs_tools.stack.framework import FOLDER, bring_up_to_date
from sfn_cqrs_tools.testing.quick_stack import quick_stack

HANDLER = "app/clinic/appointment.py"
SEEN = '"version": command.version, "days": __import__("os").environ["HISTORY_TTL_DAYS"],'
TOLD = 'PARTS = ("app", "template.yaml", "samconfig.toml")'
UNTOLD = 'PARTS = ("app", "samconfig.toml")'


@pytest.fixture
def clinic(tmp_path):
    """A project whose handler writes what it sees of a parameter into its rows."""
    made = project_in(tmp_path)
    bring_up_to_date(made)
    share_translations(made)
    handler = made / HANDLER
    handler.write_text(handler.read_text().replace('"version": command.version,', SEEN))
    known = [*sys.path]
    with forgetting(), chdir(made):
        yield made
    sys.path[:] = known
    forget(made)


def deployed(clinic: Path, **options):
    """The stack of the project, on what it kept the last time."""
    kept = {"state_dir": clinic / ".sfn-cqrs", "data_dir": clinic / ".sfn-cqrs/data"}
    return quick_stack(template=clinic / "template.yaml", name="clinic", **kept, **options)


def set_parameter(clinic: Path, value: str) -> None:
    template = clinic / "template.yaml"
    text = template.read_text().replace("        HistoryTtlDays: 30\n", "")
    place = "        AppPolicy: !Ref AppPolicy\n"
    template.write_text(text.replace(place, f"{place}        HistoryTtlDays: {value}\n"))


def seen_behind_live(stack, code: str) -> str:
    """Publish a command; return what its handler saw."""
    body = {"type": "APPOINTMENT", "code": code, "name": "x", "attributes": {}}
    assert fetch(f"{stack.http}/commands?wait=10", body=body).status == 200
    row = fetch(f"{stack.http}/read-models/appointment_list/all/{code}").json["row"]
    return str(row["days"])


@pytest.mark.stack
@pytest.mark.parametrize(
    ("told", "second", "is_ill"), [(TOLD, "30", False), (UNTOLD, "", True)], ids=["told", "untold"]
)
def test_a_parameter_in_a_projects_template_reaches_live_by_the_digest_alone(
    clinic, sfn_cqrs, told, second, is_ill
):
    script = clinic / FOLDER / "layer/deployment.py"
    script.write_text(script.read_text().replace(TOLD, told))
    with deployed(clinic) as stack:
        assert seen_behind_live(stack, "a-1") == ""

    set_parameter(clinic, "30")
    with deployed(clinic) as stack:
        assert stack.environment["HISTORY_TTL_DAYS"] == "30"
        assert seen_behind_live(stack, "a-2") == second
        doctor = sfn_cqrs("doctor", "--state", stack.state.path)

    assert (doctor.code, "live has other HISTORY_TTL_DAYS\n" in doctor.output) == (is_ill, is_ill)
