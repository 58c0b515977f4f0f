/**
 * JSON that two readers cannot read differently (RFC 7493): no name twice, no half of a surrogate pair, integers within
 * 2^53, and none of the fractions that no token has. `JSON.parse` keeps the last of two names and rounds.
 */

import { TokenMalformed } from "./errors.ts";

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

const DEEPEST = 16;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BLANK = /[ \t\n\r]*/y;
const NAME_OR_TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const INTEGER = /^-?[0-9]{1,16}$/;
const WORD = /true|false|null/y;

/** The object in `raw`. Throws TokenMalformed. */
export function strictObject(raw: Uint8Array): JsonObject {
  let text: string;
  try {
    text = UTF8.decode(raw);
  } catch {
    throw new TokenMalformed("Not UTF-8.");
  }
  const value = new Reader(text).whole();
  if (!isObject(value)) throw new TokenMalformed("Not a JSON object.");
  return value;
}

export function isObject(value: unknown): value is { [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Json {
    const value = this.#value(DEEPEST);
    if (this.#at !== this.#text.length) throw malformed("something follows the value");
    return value;
  }

  #value(depth: number): Json {
    this.#take(BLANK);
    const value = this.#bare(depth);
    this.#take(BLANK);
    return value;
  }

  #bare(depth: number): Json {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#array(depth);
      case '"':
        return this.#string();
    }
    const word = this.#take(WORD);
    if (word) return JSON.parse(word);
    const number = this.#take(NUMBER);
    if (!INTEGER.test(number) || !Number.isSafeInteger(Number(number))) throw malformed("no value, or no safe integer");
    return Number(number);
  }

  #object(depth: number): JsonObject {
    // Without a prototype, `__proto__` is a name like any other.
    const members: JsonObject = Object.create(null);
    this.#members("}", depth, () => {
      this.#take(BLANK);
      const name = this.#string();
      this.#take(BLANK);
      if (this.#text[this.#at++] !== ":") throw malformed("a colon is missing");
      if (Object.hasOwn(members, name)) throw malformed("a name appears twice");
      members[name] = this.#value(depth - 1);
    });
    return members;
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    this.#members("]", depth, () => items.push(this.#value(depth - 1)));
    return items;
  }

  #members(end: "}" | "]", depth: number, readOne: () => void): void {
    if (depth === 0) throw malformed("nested too deep");
    this.#at++;
    this.#take(BLANK);
    if (this.#text[this.#at] === end) {
      this.#at++;
      return;
    }
    for (;;) {
      readOne();
      const next = this.#text[this.#at++];
      if (next === end) return;
      if (next !== ",") throw malformed("a comma is missing");
    }
  }

  #string(): string {
    const quoted = this.#take(NAME_OR_TEXT);
    if (!quoted) throw malformed("a text is missing");
    const text: string = JSON.parse(quoted);
    if (!text.isWellFormed()) throw malformed("half of a surrogate pair");
    return text;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }
}

function malformed(why: string): TokenMalformed {
  return new TokenMalformed(`Not strict JSON: ${why}.`);
}
