"""The validation points of questions to users, approvals among them."""

from __future__ import annotations

from .points import catalogued as _point

QUESTION_OPEN = _point(
    "question.open",
    "services.questions",
    "NotFound",
    "a question is answered by its own user, once, and an approval for the arguments that were shown",
)
ANSWER_SCHEMA = _point(
    "answer.schema",
    "services.answer_schemas",
    "FrameRefused",
    "an answer fits the schema of its question, and its size is limited",
)
APPROVAL_SHOWN = _point(
    "approval.shown",
    "agents.supervisor.tool_approvals",
    "ToolRefused",
    "nobody is asked to approve arguments that are too many to be shown",
)
ANSWER_ARGUMENTS = _point(
    "answer.arguments",
    "agents.supervisor.tool_approvals",
    "FrameRefused",
    "the arguments that a user gives a call in place of its own are those of its tool",
)
