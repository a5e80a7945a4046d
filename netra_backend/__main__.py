"""``python -m netra_backend`` is ``netra``."""

from netra_backend.app.cli import main

main()
