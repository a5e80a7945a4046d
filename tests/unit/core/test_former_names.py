"""Old names: they still lead to the object, and warn whoever uses them."""

from __future__ import annotations

import pytest

from netra_backend.app.core.former_names import former_names

former = former_names("old.place", {"Old": ("netra_backend.app.core.ids", "new.place.mint")})


def test_an_old_name_gives_the_object_of_today_and_warns_the_caller_with_its_new_name() -> None:
    from netra_backend.app.core.ids import mint

    with pytest.warns(DeprecationWarning, match=r"^old\.place\.Old is now new\.place\.mint; the old name goes") as seen:
        assert former("Old") is mint
    assert seen[0].filename == __file__


def test_another_name_is_missing_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match=r"module 'old\.place' has no attribute 'New'"):
        former("New")
