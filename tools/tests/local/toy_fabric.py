"""The toy stack, deployed into a fabric of its own."""

from pathlib import Path
from typing import Any

from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.runtime.fabric import Ministack, deploy
from sfn_cqrs_tools.runtime.template import Template
from sfn_local.http_server import Request, Response, serve

TOY = Path(__file__).parent / "toy" / "template.yaml"
PYTHON = CHECKOUT / ".venv-fabric" / "bin" / "python"
PARAMETERS = {"Issuer": "https://issuer.test"}


class ToyFabric:
    """A deployed toy stack, and a stand-in for our functions that takes what is forwarded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = serve("127.0.0.1", 0, self.take)
        self.start()

    def start(self, **options: Any) -> None:
        self.process = Ministack(PYTHON, self.folder / "fabric.log", **options)
        template = Template.load(TOY, stack="toy", parameters=PARAMETERS)
        names = {one: self.process.function_name("toy", one) for one in template.functions}
        self.template = template.named(names)
        self.process.start({name: f"{self.server.url}/{one}" for one, name in names.items()})
        self.process.wait()
        translated = self.template.translate()
        self.deployment = deploy(self.process.endpoint, "toy", translated, PARAMETERS)

    def take(self, request: Request) -> Response:
        raise NotImplementedError

    @property
    def table(self) -> str:
        return self.deployment.outputs["ItemsTableName"]

    def close(self) -> None:
        self.process.stop()
        self.server.close()


def item(key: str, **attributes: str) -> dict[str, Any]:
    return {"pk": {"S": key}, "sk": {"S": "1"}} | {k: {"S": v} for k, v in attributes.items()}
