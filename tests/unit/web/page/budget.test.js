import assert from "node:assert/strict";
import { test } from "node:test";
import { budgetText } from "../../../../netra_backend/app/web/page/core/budget.js";

const NONE = { spent_usd: "0", spent_tokens: 0, most_usd: null, most_tokens: null };

test("without a bound and without a question there is nothing to tell", () => {
  assert.equal(budgetText({ day: NONE, month: NONE }), "");
});

test("what was spent stands beside what may be spent", () => {
  const day = { spent_usd: "0.25", spent_tokens: 1300, most_usd: "0.5", most_tokens: 20_000 };
  const month = { ...NONE, spent_usd: "0.001", spent_tokens: 1300 };
  assert.equal(budgetText({ day, month }), "Your own questions to language models: "
    + "today $0.25 of $0.50, 1,300 of 20,000 tokens; this month $0.001, 1,300 tokens.");
  assert.equal(budgetText({ day: { ...NONE, most_tokens: 9 }, month: NONE }),
    "Your own questions to language models: today $0.00, 0 of 9 tokens.");
});
