"""The priced log as arrays, one element a row in order of time: what the levers compute on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.limits import USUAL
from ..priced import PriceRow, price_rows
from ..rows import Rows
from ..scope import no_data, where

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

_MIX: Final = np.uint64(0x9E3779B97F4A7C15)

MAX_KINDS: Final = 10_000
"""More distinct (model, feature) than this go without a name."""

WORK_THAT_CAN_WAIT: Final = r"(^|[^a-z])(batch|bulk|offline|nightly|backfill|evals?|evaluations?|async|cron)([^a-z]|$)"
"""What an operation's or a feature's name holds if its work is tagged as one that nobody waits for."""

_COLUMNS: Final = {
    "ts": "epoch_ms(ts)",
    "price": "coalesce(price_id, -1)::INTEGER",
    "n": "n::BIGINT",
    "input_tokens": "input_tokens",
    "uncached": "uncached",
    "read": "read",
    "write": "write",
    "output": "output_tokens",
    "c_input": "coalesce(c_input, 0)::DOUBLE",
    "c_read": "coalesce(c_read, 0)::DOUBLE",
    "c_write": "coalesce(c_write, 0)::DOUBLE",
    "c_output": "coalesce(c_output, 0)::DOUBLE",
    "c_request": "coalesce(c_request, 0)::DOUBLE",
    "ok": "status = 'ok'",
    "failed": "status = 'error'",
    "reported": "coalesce(cost_reported_usd::DOUBLE, -1)",
    "session": "CASE WHEN session_id IS NULL THEN 0::UBIGINT ELSE hash(session_id) END",
    "prompt": "CASE WHEN prompt_hash IS NULL THEN 0::UBIGINT ELSE hash(prompt_hash) END",
    "team": "CASE WHEN team IS NULL THEN 0::UBIGINT ELSE hash(team) END",
    "tenant": "hash(team, end_user)",
    "kind": "hash(model, feature)",
    "single": "granularity = 'request' AND n = 1",
    "batched": "coalesce(is_batch, false) OR coalesce(service_tier = 'batch', false)",
    "work": "hash(operation, feature)",
    "block_tokens": "coalesce(block_tokens, 0)",
    "blocks": "prefix_blocks",
    "dataset": "hash(dataset_id)",
}


def mixed(first: Hashes, second: Hashes) -> Hashes:
    """Two hashes as one; their order matters."""
    with np.errstate(over="ignore"):
        both = (first ^ (second + _MIX + (first << np.uint64(6)))) * _MIX
    return np.asarray(both ^ (both >> np.uint64(29)))


@dataclass(frozen=True)
class Options:
    """What the user told beside the log.

    ``batch_features``: features whose work may wait a day. ``evaluated_share``: the share of small requests for which an
    evaluation showed that the smaller model does as well.
    """

    batch_features: Sequence[str] = ()
    evaluated_share: float = 0.0


@dataclass(frozen=True)
class Log:
    """The rows as arrays (see ``_COLUMNS``), the prices that ``price`` indexes, and what the datasets can tell.

    Costs are picodollars. ``kinds`` names the (model, feature) of ``kind``; hashes stand for names and ids, 0 for none.
    ``capabilities``: capability → hashes of the datasets that have it.
    """

    columns: Mapping[str, NDArray[Any]]
    prices: Sequence[PriceRow]
    capabilities: Mapping[str, Sequence[int]]
    kinds: Mapping[int, tuple[str, str | None]]
    marked_as_waiting: Flags
    tagged: Flags
    options: Options = field(default_factory=Options)
    cut: bool = False

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.columns[name]
        except KeyError:
            raise AttributeError(name) from None

    def __len__(self) -> int:
        return len(self.columns["ts"])

    @cached_property
    def priced(self) -> Flags:
        """Rows whose model has a price."""
        return np.asarray(self.columns["price"] >= 0)

    @cached_property
    def cost(self) -> Floats:
        """Picodollars of each row."""
        parts = ("c_input", "c_read", "c_write", "c_output", "c_request")
        return np.asarray(np.sum([self.columns[part] for part in parts], axis=0))

    @cached_property
    def model(self) -> Ints:
        """A number for the row's model, as the price list has it; rows without a price share -1."""
        models: dict[str, int] = {}
        table = [models.setdefault(price.listing.name, len(models)) for price in self.prices]
        return np.asarray(np.array([*table, -1], dtype=np.int64)[self.columns["price"]])

    @cached_property
    def kind_number(self) -> NDArray[np.intp]:
        """``kind`` as a number from 0, an index of ``kind_names``; those without a name share the last."""
        hashes = np.array(list(self.kinds), dtype=np.uint64)
        order = np.argsort(hashes)
        place = np.searchsorted(hashes[order], self.columns["kind"])
        place[place == len(hashes)] = 0
        known = hashes[order][place] == self.columns["kind"]
        return np.asarray(np.where(known, order[place], len(hashes)))

    @cached_property
    def kind_names(self) -> list[tuple[str, str | None]]:
        """The model and feature of each ``kind_number``."""
        return [*self.kinds.values(), ("(other)", None)]

    @cached_property
    def repeats(self) -> tuple[NDArray[np.intp], Hashes]:
        """Single priced rows that name their prompt, or at least their session, sorted by (prompt or session, tenant, model)
        and in order of time within; and that key. Only rows whose key occurs more than once."""
        rows = np.flatnonzero(self.single & self.priced & ((self.prompt != 0) | (self.session != 0)))
        asked = np.where(self.prompt[rows] != 0, self.prompt[rows], mixed(self.session[rows], self.session[rows]))
        key = mixed(mixed(asked, self.tenant[rows]), self.model[rows].view(np.uint64))
        order = np.argsort(key, kind="stable")
        rows, key = rows[order], key[order]
        same = key[1:] == key[:-1]
        several = np.r_[False, same] | np.r_[same, False] if len(rows) else np.empty(0, dtype=bool)
        return rows[several], key[several]

    def priced_as(self, price_ids: Iterable[int]) -> Flags:
        """Rows that have one of these prices."""
        wanted = np.zeros(len(self.prices) + 1, dtype=bool)
        wanted[list(price_ids)] = True
        wanted[-1] = False
        return np.asarray(wanted[self.columns["price"]])

    @cached_property
    def has_blocks(self) -> Flags:
        """Rows that name their prefix."""
        blocks = self.columns["blocks"]
        lacking = np.ma.getmaskarray(blocks)
        return np.asarray(~lacking & (self.columns["block_tokens"] > 0))

    @cached_property
    def days(self) -> float:
        """From the first row to the last."""
        return float(self.ts[-1] - self.ts[0]) / 86_400_000

    @cached_property
    def used_days(self) -> int:
        """Days (UTC) with at least one row."""
        return len(np.unique(self.ts // 86_400_000))

    def knows(self, capability: str) -> Flags:
        """Rows whose dataset has this capability (``usage.rows.Capability``)."""
        return _among(self.columns["dataset"], self.capabilities.get(capability, ()))

    def rates(self, part: str) -> Floats:
        """Picodollars of one token of ``part`` (``input``, ``cache_read``, ``cache_write``, ``output``) for each row; 0 where
        the model has no price."""
        table = np.array([*(getattr(price.rates, part) for price in self.prices), 0], dtype=np.float64)
        return np.asarray(table[self.columns["price"]])


def load_log(rows: Rows, arguments: Mapping[str, Any], options: Options, most_rows: int = USUAL.savings_rows) -> Log:
    """Price the rows in scope and load them: the newest, up to ``most_rows``, which must fit into one question's memory. The
    savings' baseline is the bill of those. Raises ``ToolError`` ``NO_DATA``."""
    # What is put into these statements comes from closed lists of columns; values are parameters.
    condition, parameters = where(arguments)
    prices = price_rows(rows)
    found = rows.execute(f"SELECT count(*) FROM usage WHERE {condition}", parameters).fetchone()  # noqa: S608
    cut = found is not None and found[0] > most_rows
    if cut:
        newest = f"SELECT ts FROM usage WHERE {condition} ORDER BY ts DESC LIMIT 1 OFFSET {most_rows}"  # noqa: S608
        condition, parameters = (
            f"{condition} AND ts > ?",
            [*parameters, *rows.execute(newest, parameters).fetchall()[0]],
        )
    selected = ", ".join(f"{expression} AS {name}" for name, expression in _COLUMNS.items())
    columns = rows.execute(f"SELECT {selected} FROM priced WHERE {condition}", parameters).fetchnumpy()  # noqa: S608
    if not len(columns["ts"]):
        raise no_data(arguments)
    columns = _in_order_of_time(columns)
    kinds = rows.execute(
        "SELECT hash(model, feature), any_value(model), any_value(feature) FROM usage "  # noqa: S608
        f"WHERE {condition} GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {MAX_KINDS}",
        parameters,
    ).fetchall()
    waiting = rows.execute(
        "SELECT hash(operation, feature), coalesce(list_contains(?, feature), false), "  # noqa: S608
        f"regexp_matches(lower(concat_ws(' ', operation, feature)), '{WORK_THAT_CAN_WAIT}') FROM usage "
        f"WHERE {condition} GROUP BY operation, feature ORDER BY count(*) DESC, 1 LIMIT {MAX_KINDS}",
        [list(options.batch_features), *parameters],
    ).fetchall()
    capabilities: dict[str, list[int]] = {}
    for dataset, capability in rows.execute("SELECT hash(dataset_id), unnest(capabilities) FROM datasets").fetchall():
        capabilities.setdefault(capability, []).append(dataset)
    return Log(
        columns=columns,
        prices=prices,
        capabilities=capabilities,
        kinds={key: (model, feature) for key, model, feature in kinds},
        marked_as_waiting=_among(columns["work"], [work for work, marked, _ in waiting if marked]),
        tagged=_among(columns["work"], [work for work, _, tagged in waiting if tagged]),
        options=options,
        cut=cut,
    )


def _in_order_of_time(columns: dict[str, Any]) -> dict[str, Any]:
    """Plain arrays (only ``blocks`` has gaps), sorted by ``ts``; rows of one moment keep the order of the table."""
    plain = {name: values if name == "blocks" else np.ma.getdata(values) for name, values in columns.items()}
    if (plain["ts"][1:] >= plain["ts"][:-1]).all():
        return plain
    order = np.argsort(plain["ts"], kind="stable")
    return {name: values[order] for name, values in plain.items()}


def _among(hashes: Hashes, wanted: Sequence[int]) -> Flags:
    return np.asarray(np.isin(hashes, np.array(wanted, dtype=np.uint64)))
