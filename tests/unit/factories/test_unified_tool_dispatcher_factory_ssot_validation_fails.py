"""A dispatcher serves one request of one user; nothing in a tool request can make it serve another."""

from __future__ import annotations

from typing import Any

import pytest

from netra_backend.app.agents.tools.definition import Tool, ToolArguments
from netra_backend.app.agents.tools.unified_tool_dispatcher_factory import UnifiedToolDispatcherFactory
from netra_backend.app.core.errors import SSotIsolationError, ToolRefused
from netra_backend.app.services.user_execution_context import InvalidContextError, UserExecutionContext
from test_framework.base_ssot_test import BaseSSotValidationTest
from test_framework.ssot.fixtures import create_valid_user_execution_context, forge_user_execution_context


class Count(ToolArguments, frozen=True):
    upto: int


class TestUnifiedToolDispatcherFactorySSotValidation(BaseSSotValidationTest):
    def setUp(self) -> None:
        self.called: list[tuple[str, int]] = []
        self.factory = UnifiedToolDispatcherFactory()

        async def count(context: UserExecutionContext, arguments: Any) -> list[int]:
            self.called.append((context.user_id, arguments.upto))
            return list(range(arguments.upto))

        self.factory.configure(
            [
                Tool("count", "Counts.", Count, count, idempotent=True),
                Tool("administrate", "Needs another scope.", Count, count, permission="admin", idempotent=True),
            ]
        )
        self.context = create_valid_user_execution_context()
        self.dispatcher = self.factory.create_for_request(self.context)

    def test_two_dispatchers_of_one_context_have_contexts_of_their_own(self) -> None:
        one, two = (UnifiedToolDispatcherFactory().create_for_request(self.context) for _ in range(2))
        assert one is not two
        assert one.user_context is not two.user_context
        assert one.user_context is not self.context
        assert one.user_context == two.user_context == self.context

    @pytest.mark.validation_point("dispatcher.user")
    @pytest.mark.parametrize("tool", ["count", "no_such_tool"])
    @pytest.mark.parametrize("user", ["user_999", "", None, 7])
    async def test_another_users_id_in_a_tool_request_is_refused_also_for_a_tool_that_does_not_exist(
        self, tool: str, user: object
    ) -> None:
        seen = ""
        try:
            await self.dispatcher.dispatch_tool({"tool": tool, "user_id": user, "arguments": {"upto": 1}})
        except PermissionError as refusal:
            seen = str(refusal)
        assert "SSOT permission validation failed" in seen
        assert self.called == []

    @pytest.mark.validation_point("dispatcher.context")
    @pytest.mark.parametrize("tool", ["count", "no_such_tool"])
    async def test_another_context_in_a_tool_request_is_refused_also_for_a_tool_that_does_not_exist(
        self, tool: str
    ) -> None:
        for foreign in (create_valid_user_execution_context(), None, {"user_id": self.context.user_id}):
            request = {"tool": tool, "context": foreign, "user_id": "user_999", "arguments": {"upto": 1}}
            seen = None
            try:
                await self.dispatcher.dispatch_tool(request)
            except PermissionError as refusal:
                seen = refusal
            assert isinstance(seen, SSotIsolationError)
            assert seen.args[0].startswith("Context mismatch: SSOT isolation")
        assert self.called == []

    async def test_ones_own_context_and_user_id_may_stand_in_the_request(self) -> None:
        request = {"tool": "count", "context": self.context, "user_id": self.context.user_id, "arguments": {"upto": 2}}
        assert await self.dispatcher.dispatch_tool(request) == [0, 1]
        assert self.called == [(self.context.user_id, 2)]

    @pytest.mark.validation_point("dispatcher.tool")
    @pytest.mark.parametrize("name", ["no_such_tool", "", None, 7, ["count"]])
    async def test_an_unknown_tool_is_refused(self, name: object) -> None:
        seen = ""
        try:
            await self.dispatcher.dispatch_tool({"tool": name})
        except ToolRefused as refusal:
            seen = refusal.code
        except AttributeError as fault:
            seen = f"ran on without a tool: {fault}"
        assert seen == "UNKNOWN_TOOL"

    @pytest.mark.validation_point("dispatcher.permission")
    async def test_a_tool_the_user_may_not_use_is_refused_and_not_run(self) -> None:
        with pytest.raises(ToolRefused, match="You cannot use administrate here") as refused:
            await self.dispatcher.dispatch_tool({"tool": "administrate", "arguments": {"upto": 1}})
        assert refused.value.code == "TOOL_NOT_ALLOWED"
        assert self.called == []
        allowed = self.factory.create_for_request(self.context, scopes=frozenset({"admin"}))
        assert await allowed.dispatch_tool({"tool": "administrate", "arguments": {"upto": 1}}) == [0]

    @pytest.mark.validation_point("dispatcher.permission")
    async def test_rights_are_those_of_user_and_agent_and_never_grow(self) -> None:
        self.dispatcher.restrict(frozenset({"administrate"}))
        self.dispatcher.restrict(frozenset({"count", "administrate"}))
        with pytest.raises(ToolRefused, match="You cannot use count here"):
            await self.dispatcher.dispatch_tool({"tool": "count", "arguments": {"upto": 1}})

    @pytest.mark.validation_point("dispatcher.permission")
    async def test_an_agent_that_hands_on_its_rights_may_not_use_them_itself(self) -> None:
        self.dispatcher.restrict(frozenset(), hands_on=True)
        asked = self.dispatcher.narrowed(frozenset(), hands_on=True)
        for each in (self.dispatcher, asked):
            with pytest.raises(ToolRefused, match="You cannot use count here"):
                await each.dispatch_tool({"tool": "count", "arguments": {"upto": 1}})
        last = asked.narrowed(frozenset({"count", "administrate"}))
        assert await last.dispatch_tool({"tool": "count", "arguments": {"upto": 1}}) == [0]
        with pytest.raises(ToolRefused, match="You cannot use administrate here"):  # the user may not
            await last.dispatch_tool({"tool": "administrate", "arguments": {"upto": 1}})

    @pytest.mark.validation_point("dispatcher.permission")
    async def test_what_an_agent_was_not_given_it_cannot_hand_on(self) -> None:
        self.dispatcher.restrict(frozenset({"administrate"}))
        asked = self.dispatcher.narrowed(frozenset({"count"}), hands_on=True).narrowed(frozenset({"count"}))
        with pytest.raises(ToolRefused, match="You cannot use count here"):
            await asked.dispatch_tool({"tool": "count", "arguments": {"upto": 1}})

    @pytest.mark.validation_point("dispatcher.arguments")
    @pytest.mark.parametrize("arguments", [None, {}, {"upto": "x"}, {"upto": 1, "user_id": "user_999"}, [], 7])
    async def test_arguments_that_do_not_fit_are_refused_and_nothing_is_run(self, arguments: object) -> None:
        seen = ""
        try:
            await self.dispatcher.dispatch_tool({"tool": "count", "arguments": arguments})
        except ToolRefused as refusal:
            seen = refusal.code
        except AttributeError as fault:
            seen = f"the tool was run without its arguments: {fault}"
        assert seen == "INVALID_ARGUMENTS"
        assert self.called == []

    @pytest.mark.validation_point("dispatcher.closed")
    async def test_a_dispatcher_whose_request_is_over_serves_nobody(self) -> None:
        self.dispatcher.close()
        self.dispatcher.close()
        with pytest.raises(SSotIsolationError, match="the dispatcher's request has ended"):
            await self.dispatcher.dispatch_tool({"tool": "count", "arguments": {"upto": 1}})
        assert self.called == []

    @pytest.mark.validation_point("id.placeholder", "id.format")
    @pytest.mark.parametrize("violation", ["placeholder_user_id", "invalid_format", "empty_values"])
    def test_a_forged_context_gives_no_dispatcher(self, violation: str) -> None:
        with pytest.raises(InvalidContextError):
            self.factory.create_for_request(self.create_ssot_violating_user_context(violation))

    @pytest.mark.validation_point("context.metadata")
    def test_a_context_without_metadata_gives_no_dispatcher(self) -> None:
        with pytest.raises(InvalidContextError, match=r"audit_metadata.*required"):
            self.factory.create_for_request(forge_user_execution_context(audit_metadata=None))

    def test_the_factory_complies(self) -> None:
        assert self.ssot_tester.validate_factory_ssot_compliance(self.factory).is_valid
