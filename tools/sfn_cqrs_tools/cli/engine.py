"""engine: the same as `sfn-local serve`."""

from sfn_local.cli.serve import serve

engine = serve.called("engine")
