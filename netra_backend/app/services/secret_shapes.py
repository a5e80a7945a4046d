"""Tokens that are known by their shape: one table of how they begin, and what of a text belongs to one.

A head is made of letters of its own, so looking for all of them is one cheap search; what follows is looked at only where one
stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

LONGEST_HEAD: Final = 256
"""No head is longer, what it looks at behind itself included."""

IN_RUN: Final = re.compile(r"[^\w-]")
_WORD: Final = re.compile(r"\W")
_DOTTED: Final = re.compile(r"[^\w.-]")
_BASE64: Final = re.compile(r"[^\w+/=-]")
_ENCODED: Final = re.compile(r"[^\w+/=%-]")


@dataclass(frozen=True, slots=True)
class Shape:
    """A token begins with one of ``heads`` and with what ``then`` matches; it goes on to what ``ends`` finds, and has
    at least so many characters after ``then``. No letter or digit stands before it, unless it may begin ``anywhere``."""

    heads: str
    then: str = ""
    ends: re.Pattern[str] = IN_RUN
    least: int = 16
    anywhere: bool = False


JWT: Final = Shape("eyJ", least=4, anywhere=True)
"""Of three parts or five, with dots between."""
PEM: Final = Shape("-----BEGIN", r" [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----", least=0, anywhere=True)
"""To its end line, or to the end of the text."""

SHAPES: Final[tuple[Shape, ...]] = (
    JWT,
    PEM,
    Shape("sk pk rk ak", "[-_]", least=12),  # OpenAI, Anthropic, OpenRouter, Stripe, Clerk
    Shape(
        "gsk_ csk- xai- nvapi- pplx- tvly- lsv2_ r8_", least=20
    ),  # other model providers, and what stands beside them
    Shape("nk_", r"(?=[0-9A-Za-z]{11}_[0-9A-Za-z]{16})", _WORD),  # this server's own
    Shape("hf_ api_org_", ends=_WORD),  # Hugging Face
    Shape("whsec_", ends=_BASE64),  # Stripe, Svix
    Shape("sq0atp- sq0csp- sq0idp-"),  # Square
    Shape("gho_ ghp_ ghr_ ghs_ ghu_ github_pat_", ends=_WORD),
    Shape("glagent- glcbt- gldt- glffct- glft- glimt- gloas- glpat- glptt- glrt- glsoat-"),  # GitLab
    Shape("xox", "[a-z]-", least=10),  # Slack
    Shape("xapp-", least=10),
    Shape("AKIA ASIA", r"(?=[A-Z0-9]{16}(?!\w))", _WORD),  # AWS
    Shape("AIza", least=30),  # Google
    Shape("ya29.", ends=_DOTTED),
    Shape("GOCSPX-"),
    Shape("1//0", least=30),
    Shape("npm_", r"(?=[A-Za-z0-9]{30})", _WORD),
    Shape("rubygems_", r"(?=[a-f0-9]{30})", _WORD),
    Shape("pypi-AgE dckr_pat_ dckr_oat_"),
    Shape("doo_v1_ dop_v1_ dor_v1_", ends=_WORD),  # DigitalOcean
    Shape("hvb. hvr. hvs."),  # Vault
    Shape("dp.audit. dp.ct. dp.pt. dp.sa. dp.scim. dp.st."),  # Doppler
    Shape("SG.", r"(?=[\w-]{16,64}\.[\w-]{16})", _DOTTED),  # SendGrid
    Shape("SK", r"(?=[0-9a-f]{32}(?!\w))", _WORD),  # Twilio
    Shape("key-", r"(?=[0-9a-f]{32}(?!\w))", _WORD),  # Mailgun
    Shape("shpat_ shpca_ shppa_ shpss_", ends=_WORD),  # Shopify
    Shape("xkeysib- PMAK- NRAK- ATATT3 ATCTT3 glc_ glsa_ figd_ ntn_ lin_api_ sntrys_ sntryu_ AGE-SECRET-KEY-1"),
    Shape(":AA", r"(?<=[0-9]{8}:AA)", least=30, anywhere=True),  # Telegram: what follows the number of the bot
    Shape("sig=", ends=_ENCODED, least=20),  # Azure's shared access signatures
)


def _either(heads: Iterable[tuple[str, str]]) -> str:
    """An expression for all of these literals and what follows each, which begins with a letter wherever it can: the search
    skips what is none of the first letters."""
    ways: list[str] = []
    for first, group in groupby(sorted(heads), key=lambda head: head[0][:1]):
        rest = [(literal[1:], then) for literal, then in group]
        ways += [then for _, then in rest] if not first else [re.escape(first) + _either(rest)]
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


_NUMBERED: Final = [(head, shape) for shape in SHAPES for head in shape.heads.split(" ")]
SHAPE_OF: Final = {f"head{at}": shape for at, (_, shape) in enumerate(_NUMBERED)}
"""By the name of the last group of what ``HEADS`` finds."""
HEADS: Final = re.compile(_either((head, f"{shape.then}(?P<head{at}>)") for at, (head, shape) in enumerate(_NUMBERED)))
"""Finds where a token may begin."""
