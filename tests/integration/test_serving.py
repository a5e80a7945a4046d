"""One server of several processes: what is made once is made before them, and their end is the server's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from test_framework.reaper import in_child

SCRIPT = """
import sys
from pathlib import Path
from netra_backend.app.adapters.process.data_directory import holder_of
from netra_backend.app.config import Settings
from netra_backend.app.core.errors import ConfigurationError
from netra_backend.app.serving import serve
from netra_backend.app import serving

data_dir = Path(sys.argv[1])

def supervise(size, work, announce, changed):
    assert holder_of(data_dir).url == ""
    announce()
    key = (data_dir / "development.key").read_text().strip()
    print(size, holder_of(data_dir).url, len(key))
    try:
        serve(settings)
    except ConfigurationError as refused:
        print(refused.faults[0])
    return 3

settings = Settings(data_dir=data_dir, port=0, workers=4)
serving.supervise = supervise
serve(settings)
"""


def test_the_parent_holds_the_directory_and_makes_the_key_before_there_is_any_process(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(data_dir)], capture_output=True, text=True, preexec_fn=in_child()
    )
    assert done.returncode == 3, done.stderr
    ready, told, refused = done.stdout.splitlines()
    url = told.split()[1]
    assert ready == f'{{"ready": true, "url": "{url}"}}'
    assert told == f"4 {url} 64"
    assert refused.startswith(f"The data directory {data_dir} is in use by process")
