"""A process that has loaded all of a server, and forks one for each line that it reads: a server starts in a moment then.

``python -m test_framework.crashes.zygote MOMENT [MODULE …]``: ``MOMENT`` is the file of ``moment``; ``MODULE``: what else is
loaded beforehand. A line of standard input is the arguments of ``netra serve`` as a JSON array. Standard output has what
servers say, and
``{"ended": CODE}`` for each.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Final

from ..reaper import in_child

LOADED: Final = (
    "netra_backend.app.adapters.process.json_logs",
    "netra_backend.app.commands.common",
    "netra_backend.app.extensions.loading",
    "netra_backend.app.serving",
    "netra_backend.app.wiring",
    "uvloop",
)
"""What a server imports when it starts."""


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    moment, *modules = arguments
    for name in (*LOADED, "test_framework.crashes.moment", *modules):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a server looks for garbage when it starts: not in all of this
    _tell({"loaded": True})
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _serve(Path(moment), json.loads(line))
        _, status = os.waitpid(child, 0)
        _tell({"ended": os.waitstatus_to_exitcode(status)})


def _serve(moment: Path, options: dict[str, str]) -> None:
    """Runs in the fork; never returns."""
    code = 1
    try:
        in_child()()
        os.close(0)
        os.open(os.devnull, os.O_RDONLY)
        from netra_backend.app.adapters.process.json_logs import configure_logging
        from netra_backend.app.commands.common import load_settings
        from netra_backend.app.serving import serve

        from .moment import Moment, install

        install(Moment(moment))
        settings = load_settings(Path(options["data_dir"]), host=None, port=0, workers=1, app=options["app"])
        configure_logging(settings.log_level, characters=settings.limits.log_characters)
        serve(settings)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException as fault:
        sys.stderr.write(f"{type(fault).__name__}: {fault}\n")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
