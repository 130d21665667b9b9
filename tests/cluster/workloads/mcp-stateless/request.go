package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

const revision = "2026-07-28"

// JSON-RPC error codes: the first three are JSON-RPC's own, the others are of basic, "Error Codes".
const (
	parseError         = -32700
	methodNotFound     = -32601
	invalidParams      = -32602
	headerMismatch     = -32020
	unsupportedVersion = -32022
)

// A request as it comes over the wire. Without an id it is a notification.
type request struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  struct {
		Name      string         `json:"name"`
		Arguments map[string]any `json:"arguments"`
		Meta      struct {
			ProtocolVersion string          `json:"io.modelcontextprotocol/protocolVersion"`
			Capabilities    *map[string]any `json:"io.modelcontextprotocol/clientCapabilities"`
		} `json:"_meta"`
	} `json:"params"`
}

// A refusal is a JSON-RPC error with the HTTP status that the transport demands for it.
type refusal struct {
	status  int
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data,omitempty"`
}

// check is the transport's "Server Validation": what the headers say must be there and agree with the body.
func check(r *http.Request, body *request) *refusal {
	version := r.Header.Get("MCP-Protocol-Version")
	switch {
	case version == "":
		// Also the answer to a legacy client's initialize: basic/versioning, "a server that supports only modern
		// versions SHOULD name the protocol versions it supports in any error it returns to an initialize request".
		return mismatch("the header MCP-Protocol-Version is required; this server supports " + revision + " only")
	case version != revision:
		return unsupported(version)
	case r.Header.Get("Mcp-Method") != body.Method:
		return mismatch("the header Mcp-Method does not name the method of the body, " + body.Method)
	case body.Method == "tools/call" && decoded(r.Header.Get("Mcp-Name")) != body.Params.Name:
		return mismatch("the header Mcp-Name does not name the tool of the body, " + body.Params.Name)
	}
	return checkMeta(version, body)
}

// checkMeta is basic, "_meta": protocol version and client capabilities come with every request.
func checkMeta(version string, body *request) *refusal {
	meta := body.Params.Meta
	switch {
	case meta.ProtocolVersion == "":
		return &refusal{http.StatusBadRequest, invalidParams, "_meta lacks io.modelcontextprotocol/protocolVersion", nil}
	case meta.ProtocolVersion != version:
		return mismatch("the header MCP-Protocol-Version and the version in _meta differ")
	case meta.Capabilities == nil:
		return &refusal{http.StatusBadRequest, invalidParams, "_meta lacks io.modelcontextprotocol/clientCapabilities", nil}
	}
	return nil
}

func mismatch(message string) *refusal {
	return &refusal{http.StatusBadRequest, headerMismatch, "Header mismatch: " + message, nil}
}

func unsupported(version string) *refusal {
	return &refusal{http.StatusBadRequest, unsupportedVersion, "Unsupported protocol version",
		map[string]any{"supported": []string{revision}, "requested": version}}
}

// decoded undoes the transport's "Value Encoding" for names that a header cannot hold as they are.
func decoded(header string) string {
	inner, found := strings.CutPrefix(header, "=?base64?")
	inner, ended := strings.CutSuffix(inner, "?=")
	if !found || !ended {
		return header
	}
	plain, err := base64.StdEncoding.DecodeString(inner)
	if err != nil {
		return header
	}
	return string(plain)
}

// foreign tells whether a web page of another host sent this: the transport demands 403 against DNS rebinding.
func foreign(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return false
	}
	from, err := url.Parse(origin)
	return err != nil || from.Host != r.Host
}
