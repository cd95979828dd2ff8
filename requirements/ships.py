"""What ships: the packages in the layers, with their hashes and licences.

`ships.py sbom FILE` writes a CycloneDX document; `ships.py licences FILE` the page for readers.
Reads the locks and the metadata of the installed packages: run it with the Python of `.venv`.
"""

import json
import re
import sys
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LAYERS = {"layer": "FrameworkLayer", "postgres": "PostgresLayer", "app": "AppLayer"}
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.+!-]+)")
SPDX = {  # for metadata from before there was License-Expression
    "Apache-2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT": "MIT",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
}


@dataclass(frozen=True)
class Package:
    """One package of a lock."""

    name: str
    version: str
    hashes: tuple[str, ...]
    """SHA-256 of every file that may be installed, one for each platform."""
    layer: str

    @property
    def purl(self) -> str:
        """Answer its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"

    @property
    def licence(self) -> str:
        """Answer its SPDX expression.

        Raises:
            LookupError: its metadata name none that SPDX has; add it to the table.
        """
        metadata = distribution(self.name).metadata
        if expression := metadata["License-Expression"]:
            return expression
        classifiers = [
            line.rpartition(" :: ")[2]
            for line in metadata.get_all("Classifier") or []
            if line.startswith("License :: ")
        ]
        names = classifiers or [metadata["License"]]
        unknown = [name for name in names if name not in SPDX]
        if unknown:
            raise LookupError(f"{self.name}: which SPDX licence is {unknown[0]!r}?")
        return " AND ".join(sorted(SPDX[name] for name in names))


def shipped() -> list[Package]:
    """Answer the packages of the layers, by name."""
    found = {
        package.name: package
        for lock, layer in LAYERS.items()
        for package in pinned(ROOT / f"requirements/{lock}.lock", layer)
    }
    return [found[name] for name in sorted(found)]


def pinned(lock: Path, layer: str = "") -> list[Package]:
    """Answer the packages of a lock, in its order."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ") if lock.is_file() else ""
    return [
        Package(pin["name"], pin["version"], tuple(re.findall(r"sha256:(\w{64})", line)), layer)
        for line in text.splitlines()
        if (pin := PIN.match(line))
    ]


def sbom(packages: list[Package], at: datetime) -> dict[str, object]:
    """Answer a CycloneDX 1.6 document; its serial number follows from its contents."""
    contents = " ".join(package.purl for package in packages)
    own = distribution("sfn-cqrs").metadata
    name, version = own["Name"], own["Version"]
    project = f"pkg:pypi/{name}@{version}"
    refs = {package.name: package.purl for package in packages}
    needs = {package.purl: sorted(_requires(package.name, refs)) for package in packages}
    needs[project] = sorted(refs.values())
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, contents)}",
        "version": 1,
        "metadata": {
            "timestamp": at.isoformat(timespec="seconds"),
            "component": {
                "type": "application",
                "bom-ref": project,
                "name": name,
                "version": version,
                "purl": project,
                "licenses": [{"expression": own["License-Expression"]}],
            },
        },
        "components": [_component(package) for package in packages],
        "dependencies": [{"ref": ref, "dependsOn": on} for ref, on in sorted(needs.items())],
    }


def _component(package: Package) -> dict[str, object]:
    return {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licenses": [{"expression": package.licence}],
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.hashes],
        "properties": [{"name": "sfn-cqrs:layer", "value": package.layer}],
    }


def _requires(name: str, refs: dict[str, str]) -> set[str]:
    lines = [line for line in distribution(name).requires or [] if "extra ==" not in line]
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines]
    return {refs[plain] for each in names if (plain := each.lower().replace("_", "-")) in refs}


def licences(packages: list[Package]) -> str:
    """Answer a page of Markdown."""
    rows = [f"| {package.name} | {package.licence} | {package.layer} |" for package in packages]
    return "\n".join(
        [
            "# Licences",
            "",
            "Packages that a deployment puts on AWS beside this project (MIT), by layer.",
            "`make licences` writes this page; `make sbom` adds versions and hashes, as CycloneDX.",
            "Tools of your machine do not ship; the other locks of `requirements/` list them.",
            "",
            "| package | licence | layer |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Write what is asked for."""
    what, file = sys.argv[1:]
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = sbom(shipped(), datetime.now(UTC)) if what == "sbom" else None
    text = f"{json.dumps(document, indent=2)}\n" if document else licences(shipped())
    path.write_text(text, encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
