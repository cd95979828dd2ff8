"""engine: what `sfn-local serve` does."""

from sfn_local.cli.serve import serve

engine = serve.called("engine")
