import { expect, test } from "vitest";
import { Outbox, type Outcome } from "../src/drive/outbox";
import type { Action } from "../src/wire";

/** A server whose answers the test gives. */
function server() {
  const sent: { action: Action; answer: () => void; refuse: (error: Error) => void }[] = [];
  const outcomes: Outcome[] = [];
  const outbox = new Outbox(
    (action) =>
      new Promise((resolve, reject) => {
        sent.push({ action, answer: resolve, refuse: reject });
      }),
    (outcome) => outcomes.push(outcome),
    () => 0,
  );
  return { outbox, sent, outcomes, seqs: () => sent.map(({ action }) => action.seq) };
}

const forward = (seq: number): Action => ({ action: "forward", seq });
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("one request is in flight and only the newest is pending", async () => {
  const { outbox, sent, seqs } = server();
  for (const seq of [1, 2, 3, 4]) outbox.post(forward(seq));
  expect(seqs()).toEqual([1]);
  sent[0]!.answer();
  await settled();
  expect(seqs()).toEqual([1, 4]);
  sent[1]!.answer();
  await settled();
  expect(seqs()).toEqual([1, 4]);
});

for (const rest of [{ action: "stop" }, { action: "drive", linear: 0, angular: 0 }] as const) {
  test(`${rest.action === "stop" ? "a stop" : "letting go"} overtakes the request in flight and drops what is pending`, async () => {
    const { outbox, sent, seqs } = server();
    outbox.post(forward(1));
    outbox.post(forward(2));
    outbox.post({ ...rest, seq: 3 });
    expect(seqs()).toEqual([1, 3]);
    sent[0]!.answer();
    sent[1]!.answer();
    await settled();
    expect(seqs()).toEqual([1, 3]);
  });
}

test("a failed request is reported and does not block the next", async () => {
  const { outbox, sent, outcomes, seqs } = server();
  outbox.post(forward(1));
  outbox.post(forward(2));
  sent[0]!.refuse(new Error("no network"));
  await settled();
  expect(outcomes[0]).toMatchObject({ action: { seq: 1 }, error: new Error("no network") });
  expect(seqs()).toEqual([1, 2]);
});

test("what is pending can be forgotten", async () => {
  const { outbox, sent, seqs } = server();
  outbox.post(forward(1));
  outbox.post(forward(2));
  outbox.clear();
  sent[0]!.answer();
  await settled();
  expect(seqs()).toEqual([1]);
});
