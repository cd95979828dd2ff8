pytest_plugins = ["sfn_local.pytest_plugin"]
