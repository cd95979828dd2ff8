from tests.support import moto_shortcuts
from tests.support.real_time import RealTime

moto_shortcuts.install()
real_time = RealTime()
real_time.install()


def pytest_configure(config):
    config.pluginmanager.register(real_time)
