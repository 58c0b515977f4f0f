import type { Expected } from "../src/index.ts";

/** Expectations by the names that claims have, as the options are named here. */
export function expectations(byClaim: { [claim: string]: unknown }): Expected {
  const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(byClaim).map(([name, value]) => [camel(name), value]));
}
