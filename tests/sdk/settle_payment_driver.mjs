// Calls the TypeScript example: a request a line on standard input, an answer a line on standard output.
import { createInterface } from "node:readline";

const { authorize, settle } = await import(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
  const { act, order, token, payment_method } = JSON.parse(line);
  process.env.STRIPE_PAYMENT_METHOD = payment_method;
  try {
    const said = act === "authorize" ? await authorize(order) : (await settle(token, order)).status;
    console.log(JSON.stringify({ said }));
  } catch (error) {
    console.log(JSON.stringify({ refused: error.constructor.name, message: String(error.message) }));
  }
}
