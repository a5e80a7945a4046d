import assert from "node:assert/strict";
import { test } from "node:test";
import { answerOf, choiceText, fieldsOf } from "../../../../netra_backend/app/web/page/core/answer_fields.js";

const TRIP = {
  type: "object",
  properties: {
    from_city: { type: "string" },
    seats: { type: "integer", title: "How many seats?" },
    window: { type: "boolean", description: "By the window" },
    class: { enum: ["first", 2, null] },
  },
  required: ["from_city", "seats"],
};

test("an object of plain properties is a form with a field for each", () => {
  assert.deepEqual(fieldsOf(TRIP).map((each) => [each.name, each.label, each.kind, each.required]), [
    ["from_city", "From city", "text", true], ["seats", "How many seats?", "number", true],
    ["window", "Window", "yes_no", false], ["class", "Class", "choice", false],
  ]);
  assert.equal(fieldsOf(TRIP)[2].hint, "By the window");
});

test("what was typed is the answer, without what was left empty and need not be given", () => {
  const fields = fieldsOf(TRIP);
  assert.deepEqual(answerOf(fields, ["Rome", "2", true, "1"]), { from_city: "Rome", seats: 2, window: true, class: 2 });
  assert.deepEqual(answerOf(fields, ["Rome", "2", false, ""]), { from_city: "Rome", seats: 2, window: false });
});

test("what is no number or no choice is told with its field", () => {
  assert.throws(() => answerOf(fieldsOf(TRIP), ["Rome", "two", false, ""]), /How many seats\?: a number is needed/);
  assert.throws(() => answerOf(fieldsOf({ enum: ["a"] }), [""]), /Choose: Your answer/);
});

test("a plain value has one field, and without a schema any text is an answer", () => {
  assert.equal(answerOf(fieldsOf(null), ["7"]), "7");
  assert.equal(answerOf(fieldsOf({ type: "integer" }), ["7"]), 7);
  assert.equal(answerOf(fieldsOf({ type: "boolean" }), [true]), true);
  assert.equal(answerOf(fieldsOf({ enum: ["a", null] }), ["1"]), null);
  assert.equal(answerOf(fieldsOf({ type: "string" }), [""]), "");
});

test("anything else is one text box of JSON", () => {
  for (const schema of [
    { type: "array" }, { type: "object", properties: { list: { type: "array" } } }, {}, { type: ["string", "null"] }, { type: "object" },
    { type: "object", properties: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`p${at}`, { type: "string" }])) },
  ]) {
    const fields = fieldsOf(schema);
    assert.deepEqual(fields.map((each) => [each.name, each.kind]), [["", "json"]]);
    assert.deepEqual(answerOf(fields, ['[1, "a"]']), [1, "a"]);
    assert.throws(() => answerOf(fields, ["a"]), /this is no JSON/);
  }
});

test("a choice is shown as what it is", () => {
  assert.deepEqual([choiceText("a"), choiceText(null), choiceText(2)], ["a", "null", "2"]);
});
