"""Python imports this at start where its folder is on the path: see ``import_hook.environment``."""

import os

from test_framework.disabling import import_hook

if disabled := os.environ.get(import_hook.VARIABLE):
    import_hook.install(disabled)
