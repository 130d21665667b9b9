"""A client of MCP over Streamable HTTP that needs nothing but curl."""

import json
import re
import subprocess

from commands import CURRENT, Failed, inside, jsonpath, namespaced, output


class Session:
    """A session of MCP over Streamable HTTP, by curl where the cluster's Service names resolve."""

    def __init__(self, url):
        self.url, self.id, self.count, self.forward = url, None, 0, None

    def __enter__(self):
        if CURRENT:
            self.forward_port()
        client = {"name": "mcp-operator-demo", "version": "1"}
        self.request("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client})
        self.curl("--data", json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        return self

    def __exit__(self, *_):
        self.curl("--request", "DELETE")
        if self.forward:
            self.forward.terminate()
            self.forward.wait()

    def request(self, method, params):
        self.count += 1
        text = self.curl("--data", json.dumps({"jsonrpc": "2.0", "id": self.count, "method": method, "params": params}))
        # Headers first; the body is one JSON document, or a stream of events with one in each `data:`.
        found = re.search(r"(?im)^mcp-session-id: *(\S+)", text)
        self.id = found.group(1) if found else self.id
        for line in text.splitlines():
            document = line.removeprefix("data:").strip()
            if document.startswith("{"):
                answer = json.loads(document)
                if "result" in answer:
                    return answer
        raise Failed(f"{method} was not answered by a result:\n{text}")

    def curl(self, *arguments):
        headers = ["Content-Type: application/json", "Accept: application/json, text/event-stream"]
        headers += [f"Mcp-Session-Id: {self.id}", "MCP-Protocol-Version: 2025-06-18"] if self.id else []
        options = [part for header in headers for part in ("--header", header)]
        options += ["--connect-to", f"::127.0.0.1:{self.port}"] if self.forward else []
        return output(*inside(), "curl", "--silent", "--show-error", "--include", "--max-time", "10", *options, *arguments, self.url)

    def forward_port(self):
        service = jsonpath("mcpserver", "{.status.serviceName}")
        command = ["kubectl", "port-forward", *namespaced(f"service/{service}", ":mcp")]
        self.forward = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = re.search(r"127\.0\.0\.1:(\d+)", self.forward.stdout.readline()).group(1)
