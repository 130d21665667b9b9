package main

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// answer serves one POST. Every request is complete in itself; nothing is remembered (basic, "Statelessness").
func answer(w http.ResponseWriter, r *http.Request) {
	if foreign(r) {
		http.Error(w, "requests from other origins are refused", http.StatusForbidden)
		return
	}
	var body request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		refuse(w, nil, &refusal{http.StatusBadRequest, parseError, "Parse error", nil})
		return
	}
	if body.ID == nil {
		w.WriteHeader(http.StatusAccepted) // a notification: this revision defines none that would mean something here
		return
	}
	if refused := check(r, &body); refused != nil {
		refuse(w, body.ID, refused)
		return
	}
	switch body.Method {
	case "server/discover":
		reply(w, body.ID, discovery())
	case "tools/list":
		reply(w, body.ID, toolList())
	case "tools/call":
		call(w, &body)
	default:
		// streamable-http, "Protocol Version Header": an unknown method is 404 with a JSON-RPC error.
		refuse(w, body.ID, &refusal{http.StatusNotFound, methodNotFound, "Method not found", nil})
	}
}

// discovery is server/discover's result; like every cacheable result it says for how long and for whom it holds.
func discovery() map[string]any {
	return map[string]any{
		"supportedVersions": []string{revision},
		"capabilities":      map[string]any{"tools": map[string]any{}},
		"instructions":      "One tool: echo.",
		"ttlMs":             0,
		"cacheScope":        "private",
	}
}

func toolList() map[string]any {
	text := map[string]any{"type": "string", "description": "what to say back"}
	return map[string]any{
		"ttlMs":      0,
		"cacheScope": "private",
		"tools": []any{map[string]any{
			"name":        "echo",
			"description": "Says back what it is told",
			"inputSchema": map[string]any{
				"type": "object", "properties": map[string]any{"text": text}, "required": []string{"text"},
			},
		}},
	}
}

func call(w http.ResponseWriter, body *request) {
	text, isText := body.Params.Arguments["text"].(string)
	switch {
	case body.Params.Name != "echo":
		refuse(w, body.ID, &refusal{http.StatusOK, invalidParams, "Unknown tool: " + body.Params.Name, nil})
	case !isText:
		reply(w, body.ID, map[string]any{"content": content("echo wants a string as \"text\""), "isError": true})
	default:
		reply(w, body.ID, map[string]any{"content": content(text), "isError": false})
	}
}

func content(text string) []any {
	return []any{map[string]any{"type": "text", "text": text}}
}

// reply sends a complete result; who we are goes into each result's _meta (basic, "_meta").
func reply(w http.ResponseWriter, id json.RawMessage, result map[string]any) {
	result["resultType"] = "complete"
	result["_meta"] = map[string]any{"io.modelcontextprotocol/serverInfo": map[string]any{
		"name": "mcp-stateless", "title": "A server of revision " + revision + " alone", "version": "1.0.0"}}
	send(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": id, "result": result})
}

// refuse sends an error; without an id when the request's could not be read.
func refuse(w http.ResponseWriter, id json.RawMessage, refused *refusal) {
	message := map[string]any{"jsonrpc": "2.0", "error": refused}
	if id != nil {
		message["id"] = id
	}
	send(w, refused.status, message)
}

func send(w http.ResponseWriter, status int, message map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(message); err != nil {
		fmt.Println("the client went away:", err)
	}
}
