package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// post sends a body with headers given as "Name: value" and returns the status and the decoded answer.
func post(t *testing.T, body string, headers ...string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/mcp", strings.NewReader(body))
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	routes().ServeHTTP(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("not JSON: %q", w.Body.String())
	}
	return w.Code, answer
}

func TestDiscoverNamesTheOneRevisionAndTheServer(t *testing.T) {
	status, answer := post(t, `{"jsonrpc":"2.0","id":"a","method":"server/discover","params":{`+meta+`}}`,
		"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: server/discover")
	result := answer["result"].(map[string]any)
	info := result["_meta"].(map[string]any)["io.modelcontextprotocol/serverInfo"].(map[string]any)
	if status != 200 || result["supportedVersions"].([]any)[0] != "2026-07-28" || info["name"] != "mcp-stateless" {
		t.Fatal(status, answer)
	}
}

func TestEchoSaysBackWhatItIsTold(t *testing.T) {
	_, answer := post(t, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hi"},`+meta+`}}`,
		"MCP-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: =?base64?ZWNobw==?=")
	content := answer["result"].(map[string]any)["content"].([]any)[0].(map[string]any)
	if content["text"] != "hi" {
		t.Fatal(answer)
	}
}

func TestWrongRequestsAreRefusedAsTheSpecificationSays(t *testing.T) {
	const discover = `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta + `}}`
	const version, method = "MCP-Protocol-Version: 2026-07-28", "Mcp-Method: server/discover"
	for name, test := range map[string]struct {
		body    string
		headers []string
		status  int
		code    float64
	}{
		"initialize":       {`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}`, nil, 400, headerMismatch},
		"older version":    {discover, []string{"MCP-Protocol-Version: 2025-11-25", method}, 400, unsupportedVersion},
		"no method header": {discover, []string{version}, 400, headerMismatch},
		"other method":     {discover, []string{version, "Mcp-Method: tools/list"}, 400, headerMismatch},
		"no metadata":      {`{"jsonrpc":"2.0","id":1,"method":"server/discover"}`, []string{version, method}, 400, invalidParams},
		"unknown method":   {`{"jsonrpc":"2.0","id":1,"method":"ping","params":{` + meta + `}}`, []string{version, "Mcp-Method: ping"}, 404, methodNotFound},
		"no JSON":          {`{`, nil, 400, parseError},
	} {
		status, answer := post(t, test.body, test.headers...)
		if code := answer["error"].(map[string]any)["code"]; status != test.status || code != test.code {
			t.Errorf("%s: HTTP %d, code %v", name, status, code)
		}
	}
}

func TestThereIsNoStreamAndNoSession(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		w := httptest.NewRecorder()
		routes().ServeHTTP(w, httptest.NewRequest(method, "/mcp", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: HTTP %d", method, w.Code)
		}
	}
}
