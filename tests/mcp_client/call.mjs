// Connects with the official SDK, lists the tools, makes the calls it was given, and prints what came of it as JSON.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const asked = JSON.parse(process.env.ASKED);
const transport = asked.url
  ? new StreamableHTTPClientTransport(new URL(asked.url), { requestInit: { headers: asked.headers } })
  : new StdioClientTransport({ command: asked.command, args: asked.args, env: asked.env });
const client = new Client({ name: "axiru-test", version: "1.0.0" });

const told = { tools: [], results: [] };
try {
  await client.connect(transport);
  told.server = client.getServerVersion();
  told.tools = (await client.listTools()).tools;
  const call = (one) => client.callTool(one).catch((error) => ({ thrown: String(error) }));
  if (asked.at_once) {
    told.results = await Promise.all(asked.calls.map(call));
  } else {
    for (const one of asked.calls) told.results.push(await call(one));
  }
  await client.close();
} catch (error) {
  told.thrown = String(error);
}
console.log(JSON.stringify(told));
