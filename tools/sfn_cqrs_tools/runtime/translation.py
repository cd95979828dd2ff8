"""SAM to CloudFormation, offline. It takes a second, so what it has made is kept."""

from __future__ import annotations

import copy
import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from sfn_cqrs_tools.runtime.cloudformation import REGION
from sfn_local.lint.template_file import TemplateError

ALIAS: Final = "AutoPublishAlias"
_LAYER: Final = "AWS::Serverless::LayerVersion"
_NOT_HASHED: Final = ("DeploymentPreference", "Events", "Policies")
"""They take SAM most of its time, and become resources of their own."""
_BUCKET: Final = "sfn-cqrs-local-code"  # does not exist: nothing fetches the code from there
_KEPT: Final = 64
"""The latest requests stay; a run of all tests requests about half as many."""


def translate(
    document: Mapping[str, Any], root: Path, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the plain CloudFormation template that SAM makes of `document`.

    Recent results are cached in the folder .build beside the template.

    Raises:
        TemplateError: SAM refuses the template.
    """
    packaged = _packaged(document, root)
    return _kept(root, "translated", packaged, parameters, _by_sam)


def version_texts(
    document: Mapping[str, Any], root: Path, parameters: Mapping[str, Any]
) -> dict[str, str]:
    """Return for each function behind an alias the text whose hash SAM names its version by.

    A deploy publishes a version where this text has changed. SAM decides what stands in it. Where
    a packaged template names an uploaded file of NAME, it has `content-of-NAME`.
    """
    resources = {
        name: _with_content(name, one)
        for name, one in document["Resources"].items()
        if one["Type"] == _LAYER or ALIAS in one.get("Properties", {})
    }
    behind = {**document, "Resources": resources, "Outputs": {}}
    return _kept(root, "hashed", behind, parameters, _hashed_by_sam) if resources else {}


def _with_content(name: str, resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource without what no version depends on, its content by name."""
    properties = {
        key: value for key, value in resource["Properties"].items() if key not in _NOT_HASHED
    }
    place = "ContentUri" if resource["Type"] == _LAYER else "CodeUri"
    return {**resource, "Properties": {**properties, place: f"s3://{_BUCKET}/content-of-{name}"}}


def _kept(
    root: Path,
    kind: str,
    document: Mapping[str, Any],
    parameters: Mapping[str, Any],
    make: Callable[[dict[str, Any], dict[str, Any]], Any],
) -> dict[str, Any]:
    """Return what SAM makes of a packaged template, or what it made the last time."""
    values = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in parameters.items()
    }
    asked = json.dumps([version("aws-sam-translator"), document, values], default=str)
    kept = root / ".build" / f"{kind}-{sha256(asked.encode()).hexdigest()[:32]}.json"
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(kept.read_bytes())
        os.utime(kept)
        return found
    text = json.dumps(make(copy.deepcopy(dict(document)), values))
    with suppress(OSError):
        _keep(kept, kind, text)
    made: dict[str, Any] = json.loads(text)
    return made


def _hashed_by_sam(packaged: dict[str, Any], values: dict[str, Any]) -> dict[str, str]:
    """Listen to what SAM makes the hashes of versions of."""
    from samtranslator.translator import (  # type: ignore[import-untyped]  # noqa: PLC0415
        logical_id_generator as of_sam,
    )

    texts: dict[str, str] = {}
    made = of_sam.LogicalIdGenerator.gen

    def gen(self: Any) -> Any:
        texts[self._prefix] = self.data_hash or self.data_str
        return made(self)

    of_sam.LogicalIdGenerator.gen = gen
    try:
        _by_sam(packaged, values)
    finally:
        of_sam.LogicalIdGenerator.gen = made
    return {
        name: texts[f"{name}Version"] for name in packaged["Resources"] if f"{name}Version" in texts
    }


def _by_sam(packaged: dict[str, Any], values: dict[str, Any]) -> Any:
    import boto3  # noqa: PLC0415 - these imports take 0.7 s
    from samtranslator.model.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415
        InvalidDocumentException,
    )
    from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]  # noqa: PLC0415
    from samtranslator.translator.translator import (  # type: ignore[import-untyped]  # noqa: PLC0415
        Translator,
    )

    for part in ("metrics", "feature_toggle"):  # they warn of their own
        logging.getLogger(f"samtranslator.{part}").setLevel(logging.ERROR)
    session = boto3.session.Session(region_name=REGION)
    try:
        return Translator({}, Parser(), boto_session=session).translate(packaged, values)
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise TemplateError(f"SAM refuses the template: {causes}") from error


def _keep(path: Path, kind: str, text: str) -> None:
    """Write a file whole or not at all, and let the oldest of its kind go."""
    path.parent.mkdir(exist_ok=True)
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)
    kept = sorted(path.parent.glob(f"{kind}-*.json"), key=lambda one: one.stat().st_mtime)
    for old in kept[:-_KEPT]:
        old.unlink()


def _packaged(document: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Put definitions inline, and code where `sam package` would have uploaded it."""
    resources = {
        logical_id: {**one, "Properties": _with_code(one, logical_id, root)}
        for logical_id, one in document["Resources"].items()
    }
    return {**document, "Resources": resources}


def _with_code(resource: Mapping[str, Any], logical_id: str, root: Path) -> dict[str, Any]:
    properties = dict(resource.get("Properties", {}))
    match resource["Type"]:
        case "AWS::Serverless::Function":
            properties["CodeUri"] = f"s3://{_BUCKET}/{logical_id}.zip"
        case "AWS::Serverless::LayerVersion":
            properties["ContentUri"] = f"s3://{_BUCKET}/{logical_id}.zip"
        case "AWS::Serverless::StateMachine":
            path = root / properties.pop("DefinitionUri")
            properties["Definition"] = json.loads(path.read_text(encoding="utf-8"))
    return properties


def without(kind: str, plain: dict[str, Any], resolve: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a plain template without resources of a type that the fabric does not support.

    References to them are replaced by the result of `resolve`.
    """
    gone = {name for name, one in plain["Resources"].items() if one["Type"].startswith(kind)}

    def replaced(value: Any) -> Any:
        if isinstance(value, list):
            return [replaced(one) for one in value]
        if not isinstance(value, dict):
            return value
        return (
            resolve(value) if _refers(value, gone) else {k: replaced(v) for k, v in value.items()}
        )

    kept = {name: one for name, one in plain["Resources"].items() if name not in gone}
    return dict(replaced({**plain, "Resources": kept}))


def _refers(value: dict[str, Any], names: set[str]) -> bool:
    """Return whether an intrinsic function names one of these resources."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": [name, *_]}:
            return name in names
        case {"Fn::Sub": str(text)}:
            return any(f"${{{name}." in text or f"${{{name}}}" in text for name in names)
    return False
