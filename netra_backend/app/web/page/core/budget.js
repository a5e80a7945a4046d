/** What language models have cost a person, and may cost, in a sentence. */
import { integer, money } from "./format.js";

/**
 * @typedef {{ spent_usd: string, spent_tokens: number, most_usd: string | null, most_tokens: number | null }} Spent
 */

/**
 * Empty if nothing was spent and nothing is bounded: then there is nothing to tell.
 * @param {{ day: Spent, month: Spent }} told
 */
export function budgetText(told) {
  const parts = [];
  for (const [name, spent] of /** @type {[string, Spent][]} */ ([["today", told.day], ["this month", told.month]])) {
    const bounded = spent.most_usd !== null || spent.most_tokens !== null;
    if (!bounded && spent.spent_tokens === 0) continue;
    const usd = money(spent.spent_usd) + (spent.most_usd === null ? "" : ` of ${money(spent.most_usd)}`);
    const tokens = integer(spent.spent_tokens) + (spent.most_tokens === null ? "" : ` of ${integer(spent.most_tokens)}`);
    parts.push(`${name} ${usd}, ${tokens} tokens`);
  }
  return parts.length === 0 ? "" : `Your own questions to language models: ${parts.join("; ")}.`;
}
