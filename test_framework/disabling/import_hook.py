"""An import hook that takes one ``raise`` out of one module as it is imported. Standard library only.

The point is named ``MODULE:CONSTANT``, such as ``netra_backend.app.core.ids:ID_FORMAT``. ``install`` works in this process;
``path_for_children`` makes a folder that, put on ``PYTHONPATH``, does the same in every Python process started below, also in
those that are given no other variable. The application knows nothing of either.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any


class PointNotFound(ImportError):
    """The module does not hold exactly one ``raise`` of the point."""


_CATALOGUES = ("validation", "run_points", "question_points", "plan_points", "mcp_points", "key_points", "door_points")
"""The modules that have the constants of points."""


def names_point(node: ast.Raise, constant: str | None = None) -> str | None:
    """The constant of ``raise X(..., point=validation.CONSTANT)``; ``None`` for another raise (or another constant)."""
    if isinstance(node.exc, ast.Call):
        for keyword in node.exc.keywords:
            value = keyword.value
            if (
                keyword.arg == "point"
                and isinstance(value, ast.Attribute)
                and isinstance(value.value, ast.Name)
                and value.value.id in _CATALOGUES
                and constant in (None, value.attr)
            ):
                return value.attr
    return None


class _TakeOut(ast.NodeTransformer):
    def __init__(self, constant: str) -> None:
        self._constant = constant
        self.taken = 0

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        if names_point(node, self._constant) is None:
            return node
        self.taken += 1
        return ast.copy_location(ast.Pass(), node)


def without_point(source: bytes | str, constant: str) -> ast.Module:
    """The syntax tree of ``source`` with the one ``raise`` of ``constant`` replaced by ``pass``."""
    take_out = _TakeOut(constant)
    tree: ast.Module = take_out.visit(ast.parse(source))
    if take_out.taken != 1:
        raise PointNotFound(f"{take_out.taken} raises of validation.{constant}; there must be exactly one")
    return ast.fix_missing_locations(tree)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, constant: str) -> None:
        super().__init__(fullname, path)
        self._constant = constant

    def get_code(self, fullname: str) -> CodeType:
        # Neither read from nor written to the cache of compiled files: that holds the whole module.
        path = self.get_filename(fullname)
        code: CodeType = compile(without_point(self.get_data(path), self._constant), path, "exec", dont_inherit=True)
        return code


class _Finder:
    def __init__(self, module: str, constant: str) -> None:
        self._module = module
        self._constant = constant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = _Loader(fullname, spec.origin, self._constant)
        return spec


def install(disabled: str) -> None:
    """Take ``MODULE:CONSTANT`` out of every import to come. Raises ``RuntimeError`` where the module is imported already."""
    module, _, constant = disabled.partition(":")
    if module in sys.modules:
        raise RuntimeError(f"{module} is imported already: its point cannot be disabled any more")
    finder: Any = _Finder(module, constant)
    sys.meta_path.insert(0, finder)


def path_for_children(disabled: str, folder: Path) -> str:
    """The ``PYTHONPATH`` with which Python processes import the same way; ``folder`` must be there and may be empty."""
    # Python imports sitecustomize at its start, when its own paths are set.
    program = f"from test_framework.disabling.import_hook import install\n\ninstall({disabled!r})\n"
    (folder / "sitecustomize.py").write_text(program)
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
