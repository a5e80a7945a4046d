"""Loads what is added in a copy of this process, so that faults show once and before there are several processes.

The copy alone has imported other people's modules then. Each process that serves imports them itself: what a module opens
when it is imported (a connection, a thread) is not for several processes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import Final

from ..config import Settings
from ..core.errors import ExtensionError
from .loading import adds_anything, collect

_MOST_FAULTS: Final = 100


def try_extensions(settings: Settings) -> None:
    """Raise ``ExtensionError`` if what is added to a server of these settings cannot be loaded. This process has no threads."""
    if not adds_anything(settings):
        return
    answer, report = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _report(settings, report)
    os.close(report)
    with os.fdopen(answer, "rb") as pipe:
        received = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    faults = (
        json.loads(received)
        if code == 0
        else [f"Loading {settings.app or 'what is installed'} ended the process ({code})."]
    )
    if faults:
        raise ExtensionError(faults)


def _report(settings: Settings, report: int) -> None:
    """What the copy does. It never returns into the code of the process that it is a copy of."""
    code = 1
    try:
        faults = collect(settings)[0].faults
        with os.fdopen(report, "wb") as pipe:
            pipe.write(json.dumps(faults[:_MOST_FAULTS]).encode())
        code = 0
    except BaseException:
        logging.getLogger("netra.extensions").exception("extensions could not be tried")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
