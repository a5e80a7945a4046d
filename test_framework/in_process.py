"""Where 0.1.0 had a server in the test's own process; it is in ``netra_server.testing`` now. Goes with the next release."""

from __future__ import annotations

from netra_backend.app.core.former_names import former_names

_HOME = "test_framework.local_runtime"

__getattr__ = former_names(
    __name__,
    {
        "running": (_HOME, "netra_server.testing.running"),
        "user_at_desk": (_HOME, "netra_server.testing.connected_user"),
    },
)
