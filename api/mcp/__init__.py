"""MCP (https://modelcontextprotocol.io) over streamable HTTP: the API's own decisions as tools of an agent."""
