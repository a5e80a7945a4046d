"""A request is followed to its end, and sent again under the same key."""

from __future__ import annotations

from test_framework.crashes.request_follower import RequestFollower, approve
from test_framework.server_process import ServerProcess
from test_framework.users import LocalUsers


async def test_a_run_is_followed_to_its_end_by_whoever_sent_its_request(server: ServerProcess) -> None:
    user = LocalUsers(server.data_dir).make("ann@example.org")
    request = {"type": "execute_agent", "agent": "waiting", "message": "hello", "id": "once"}
    first, again = RequestFollower(user, request, approve), RequestFollower(user, request, approve)
    assert await first.follow(server.websocket_url, 20)
    assert await again.follow(server.websocket_url, 20)
    kinds = [event["type"] for event in first.in_order()]
    assert "approval_resolved" in kinds
    assert kinds[-1] == "agent_completed"
    assert again.in_order() == first.in_order()


async def test_a_server_that_is_gone_is_no_end(server: ServerProcess) -> None:
    user = LocalUsers(server.data_dir).make("ann@example.org")
    follower = RequestFollower(user, {"type": "execute_agent", "id": "x"}, approve)
    assert not await follower.follow("ws://127.0.0.1:9", 20)
    assert not follower.has_ended
