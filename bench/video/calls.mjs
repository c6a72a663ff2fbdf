// What bench-video holds in its hand: each line on stdin is a call, each line on stdout what it gave. The end
// of stdin ends it.

import { createInterface } from "node:readline";

/** Says `greeting`, then gives each call to `call`, which throws where it fails. */
export async function serve(greeting, call) {
  console.log(JSON.stringify({ gave: greeting }));
  for await (const line of createInterface({ input: process.stdin })) {
    const { call: name, argument } = JSON.parse(line);
    const answer = await call(name, argument)
      .then((gave) => ({ gave: gave ?? null }))
      .catch((error) => ({ failed: error.message }));
    console.log(JSON.stringify(answer));
  }
}
