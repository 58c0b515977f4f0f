import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One answer. `hangsMs` pass first; `drops` closes the connection in the middle of the body. */
export interface Scripted {
  status?: number;
  body?: unknown;
  headers?: { [name: string]: string };
  hangsMs?: number;
  drops?: boolean;
}

/** Answers in turn, the last one for ever, and keeps what it was asked. */
export class ScriptedServer {
  readonly asked: { path: string; body: string; authorization: string | undefined }[] = [];
  #answers: Scripted[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async started(): Promise<ScriptedServer> {
    const scripted = new ScriptedServer();
    await new Promise<void>((ready) => scripted.#server.listen(0, "127.0.0.1", ready));
    return scripted;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  says(...answers: Scripted[]): void {
    this.#answers = answers;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    this.asked.push({ path: request.url ?? "", body, authorization: request.headers.authorization });
    const said = (this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0]) ?? { status: 404 };
    await new Promise((passed) => setTimeout(passed, said.hangsMs ?? 0));
    const raw = Buffer.from(typeof said.body === "string" ? said.body : JSON.stringify(said.body ?? {}));
    response.writeHead(said.status ?? 200, { "content-length": raw.length, ...said.headers });
    if (said.drops) {
      response.write(raw.subarray(0, raw.length / 2), () => response.destroy());
    } else {
      response.end(raw);
    }
  }
}
