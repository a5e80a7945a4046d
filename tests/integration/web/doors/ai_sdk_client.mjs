// The AI SDK's own chat, without React: takes steps as JSON, and prints what its messages are after each.
// node ai_sdk_client.mjs URL TOKEN STEPS, where STEPS is {"id", "agent"?, "steps": [{"send"} | {"regenerate": true} | {"leave": text} |
// {"resume": true} | {"decide": true | false}]}; "leave" sends, and leaves at the first words.

import { AbstractChat, DefaultChatTransport, lastAssistantMessageIsCompleteWithApprovalResponses } from "ai";

class State {
  constructor(messages) {
    this.messages = messages;
    this.status = "ready";
    this.error = undefined;
  }
  pushMessage = (message) => {
    this.messages = [...this.messages, message];
  };
  popMessage = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage = (index, message) => {
    this.messages = this.messages.map((each, at) => (at === index ? structuredClone(message) : each));
    this.changed?.(message);
  };
  snapshot = (value) => structuredClone(value);
}

class Chat extends AbstractChat {
  constructor(init, state) {
    super({ ...init, state });
  }
}

const [url, token, given] = process.argv.slice(2);
const { id, agent, steps, messages = [] } = JSON.parse(given);
const state = new State(messages);
const faults = [];
const ended = { count: 0, wake: () => {} };
const chat = new Chat(
  {
    id,
    transport: new DefaultChatTransport({
      api: `${url}/api/chat`,
      headers: { Authorization: `Bearer ${token}` },
      body: agent ? { agent } : {},
    }),
    sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
    onError: (error) => faults.push(String(error.message ?? error)),
    onFinish: () => {
      ended.count += 1;
      ended.wake();
    },
  },
  state,
);

const text = (message) => message.parts.filter((part) => part.type === "text").map((part) => part.text).join("|");

async function perform(step) {
  if (step.send !== undefined) await chat.sendMessage({ text: step.send });
  if (step.regenerate) await chat.regenerate();
  if (step.resume) await chat.resumeStream();
  if (step.leave !== undefined) {
    state.changed = (message) => {
      if (text(message)) {
        state.changed = undefined;
        chat.stop();
      }
    };
    await chat.sendMessage({ text: step.leave });
  }
  if (step.decide !== undefined) {
    const before = ended.count;
    const part = state.messages.at(-1).parts.find((each) => each.state === "approval-requested");
    await chat.addToolApprovalResponse({ id: part.approval.id, approved: step.decide, reason: step.reason });
    while (ended.count === before) {
      await new Promise((resolve) => {
        ended.wake = resolve;
      });
    }
  }
}

for (const step of steps) {
  await perform(step);
  console.log(JSON.stringify({ messages: state.messages, status: chat.status, faults: faults.splice(0) }));
}
