"""``python -m test_framework.serve_with MODULE``: what 0.1.0 had for ``netra serve --app MODULE``. Goes with the next release."""

from __future__ import annotations

import sys
import warnings

from netra_backend.app.cli import main

if __name__ == "__main__":
    warnings.warn(
        "python -m test_framework.serve_with MODULE is now netra serve --app MODULE; the old command goes with the next release.",
        DeprecationWarning,
        stacklevel=1,
    )
    sys.argv[1:] = ["serve", "--port", "0", "--app", *sys.argv[1:]]
    main()
