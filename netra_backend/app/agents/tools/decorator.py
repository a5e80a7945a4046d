"""``@tool``: a function becomes a tool; its name, its docstring and the types of its parameters say the rest."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints, overload

import msgspec

from ...services.user_execution_context import UserExecutionContext
from .definition import Tool, ToolArguments
from .threads import THREADS

A = TypeVar("A", bound=ToolArguments)
_is_name: Final = re.compile("[A-Za-z_][A-Za-z0-9_]{0,63}").fullmatch


@overload
def tool(function: Callable[[UserExecutionContext, A], Any], /) -> Tool[A]: ...


@overload
def tool(function: Callable[..., Any], /) -> Tool[Any]: ...


@overload
def tool(
    *,
    permission: str | None = None,
    idempotent: bool = False,
    approval: bool | str = False,
    timeout_s: float | None = None,
    secret_arguments: Iterable[str] = (),
    redact: bool = True,
) -> Callable[[Callable[..., Any]], Tool[Any]]: ...


def tool(function: Any = None, /, **options: Any) -> Any:
    """Make a function a tool: ``@tool``, or ``@tool(idempotent=True)`` with the options of ``Tool``.

    ::

        @tool(idempotent=True)
        async def find_notes(context: UserExecutionContext, word: str, limit: int = 10) -> list[str]:
            \"\"\"Finds your notes by a word.\"\"\"

    The tool has the function's name and docstring. Each parameter is an argument: its annotation is the schema
    (``Annotated[int, msgspec.Meta(ge=1)]`` bounds it), its default makes it optional. A single parameter of a subclass of
    ``ToolArguments`` stands for all of them. The parameter that is annotated ``UserExecutionContext``, or is named
    ``context``, gets the caller's context; it may be left out.

    An ``async`` function runs on the event loop and must not block it; a cancelled run or the time limit cancels it at its next
    ``await``. A plain function runs in a thread, with a copy of the context variables, and may block. It cannot be stopped: at
    a cancel or the time limit the run goes on without it, it runs to its end, and its result is dropped. A call that had not
    begun by then is never made.

    Raises ``TypeError`` with one sentence for a function that cannot be a tool.
    """
    if function is None:
        return partial(_tool, **options)
    return _tool(function, **options)


def _tool(function: Callable[..., Any], *, secret_arguments: Iterable[str] = (), **options: Any) -> Tool[Any]:
    if not (inspect.isfunction(function) or inspect.ismethod(function)):
        raise TypeError(f"@tool: {function!r} is no function: write @tool or @tool(idempotent=True) above a def.")
    name = function.__name__
    if not _is_name(name):
        raise TypeError(f"@tool: {name} is no name for a tool: use def and 1 to 64 letters, digits and underscores.")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"@tool: {name} yields: a tool returns its whole result.")
    description = inspect.getdoc(function)
    if not description:
        raise TypeError(f"@tool: {name} has no docstring: write one, it is what agents and people read about the tool.")
    parameters = _parameters(function)
    arguments = parameters.whole or _struct(function, parameters)
    hidden = frozenset(secret_arguments)
    if unknown := hidden.difference(arguments.__struct_fields__):
        raise TypeError(f"@tool: {name} has no argument {sorted(unknown)[0]!r} to keep secret.")
    return Tool(name, description, arguments, _call(function, parameters), secret_arguments=hidden, **options)


@dataclass(frozen=True, slots=True)
class _Parameters:
    """The parameters of a function: which is the context, which stands for all arguments, and each argument's type."""

    signature: inspect.Signature
    context: str | None
    whole: type[ToolArguments] | None
    types: dict[str, Any]


def _parameters(function: Callable[..., Any]) -> _Parameters:
    name = function.__name__
    signature = inspect.signature(function)
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception as fault:
        raise TypeError(
            f"@tool: the annotations of {name} cannot be read ({fault}): import the types that they name at the top of its "
            "module, not only for type checkers."
        ) from None
    context: str | None = None
    types: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            stars = "*" if parameter.kind is parameter.VAR_POSITIONAL else "**"
            raise TypeError(f"@tool: {name} takes {stars}{parameter.name}: name each argument, so that the schema can.")
        hint = hints.get(parameter.name, parameter.empty)
        if _bare(hint) is UserExecutionContext or (parameter.name == "context" and hint is parameter.empty):
            if context is not None:
                raise TypeError(f"@tool: {name} takes two contexts, {context} and {parameter.name}: there is one.")
            context = parameter.name
        elif parameter.name == "context":
            raise TypeError(f"@tool: context of {name} is not a UserExecutionContext: annotate it so, or rename it.")
        elif hint is parameter.empty:
            raise TypeError(
                f"@tool: {parameter.name} of {name} has no type: annotate it, such as {parameter.name}: str."
            )
        else:
            types[parameter.name] = hint
    return _Parameters(signature, context, _whole(function, signature, types), types)


def _whole(
    function: Callable[..., Any], signature: inspect.Signature, types: dict[str, Any]
) -> type[ToolArguments] | None:
    """The one ``ToolArguments`` that stands for all arguments."""
    if len(types) != 1:
        return None
    ((name, hint),) = types.items()
    kind = _bare(hint)
    if not (isinstance(kind, type) and issubclass(kind, ToolArguments)):
        return None
    if signature.parameters[name].default is not inspect.Parameter.empty:
        raise TypeError(
            f"@tool: {name} of {function.__name__} has a default: give {kind.__name__} its defaults instead."
        )
    return kind


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _struct(function: Callable[..., Any], parameters: _Parameters) -> type[ToolArguments]:
    """The argument schema that the parameters describe."""
    name = function.__name__
    fields: list[Any] = []
    for each, hint in parameters.types.items():
        try:
            msgspec.json.Decoder(hint)
            msgspec.json.schema(hint)
        except Exception as fault:
            reason = str(fault).splitlines()[-1]
            raise TypeError(f"@tool: {each} of {name} is of a type that has no JSON schema: {reason}") from None
        default = parameters.signature.parameters[each].default
        if default and isinstance(default, list | dict | set | bytearray):
            raise TypeError(f"@tool: the default of {each} of {name} could be changed by a call: use a tuple or None.")
        fields.append((each, hint) if default is inspect.Parameter.empty else (each, hint, default))
    title = "".join(part.capitalize() for part in name.split("_")) + "Arguments"
    try:
        made = msgspec.defstruct(
            title, fields, bases=(ToolArguments,), module=function.__module__, frozen=True, kw_only=True
        )
        msgspec.json.schema(made)
    except Exception as fault:
        raise TypeError(f"@tool: the arguments of {name} have no JSON schema: {fault}") from None
    assert issubclass(made, ToolArguments)  # it has that base
    return made


def _call(function: Callable[..., Any], parameters: _Parameters) -> Callable[[UserExecutionContext, Any], Any]:
    """The function as ``Tool.call``."""
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    by_place = [each.name for each in parameters.signature.parameters.values() if each.kind in kinds]

    def bound(context: UserExecutionContext, arguments: Any) -> Any:
        if parameters.whole is None:
            given = {name: getattr(arguments, name) for name in parameters.types}
        else:
            given = dict.fromkeys(parameters.types, arguments)
        if parameters.context is not None:
            given[parameters.context] = context
        placed = [given.pop(name) for name in by_place]
        return function(*placed, **given)

    if inspect.iscoroutinefunction(function):
        return bound

    async def in_a_thread(context: UserExecutionContext, arguments: Any) -> Any:
        answer = await THREADS.run(context.user_id, partial(bound, context, arguments))
        return await answer if inspect.isawaitable(answer) else answer  # an async function that something else wraps

    return in_a_thread
