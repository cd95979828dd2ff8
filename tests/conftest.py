from tests.support import moto_shortcuts

moto_shortcuts.install()
