import tomllib
from pathlib import Path

import pytest
from tests.support.commands import ran
from tests.template.stack import ROOT, TEMPLATE

CONFIG = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
SAM = ROOT / ".venv-sam/bin/sam"
STAGES = ["dev", "stg", "prod"]


def overrides(stage: str) -> dict[str, str]:
    return dict(
        one.split("=", 1) for one in CONFIG[stage]["deploy"]["parameters"]["parameter_overrides"]
    )


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_deploys_to_a_stack_of_its_own_with_parameters_that_exist(stage: str) -> None:
    deploy = CONFIG[stage]["deploy"]["parameters"]

    assert deploy["stack_name"] == f"sfn-cqrs-{stage}"
    assert overrides(stage)["Stage"] == stage
    assert overrides(stage).keys() <= TEMPLATE.document["Parameters"].keys()


@pytest.mark.skipif(not SAM.exists(), reason="no sam; `make check` sets it up")
def test_a_deploy_of_no_stage_says_how_to_choose_one(tmp_path: Path) -> None:
    for name in ("samconfig.toml", "template.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())

    done = ran(SAM, "deploy", cwd=tmp_path)

    assert done.returncode == 2
    assert "choose a stage: sam deploy --config-env dev, stg or prod" in done.stderr


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_a_place_for_its_issuer_that_sam_can_parse(stage: str) -> None:
    assert (overrides(stage)["JwtIssuer"], overrides(stage)["JwtAudience"]) == ('""', '""')
