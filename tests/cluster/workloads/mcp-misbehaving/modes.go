package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A mode answers one request of a client.
type mode func(*server, http.ResponseWriter, *http.Request, rpcMessage)

// The modes by name, besides HTTP status numbers: 401, 403, 404, 500 … answer with that status.
func modes(now settings) map[string]mode {
	return map[string]mode{
		// Well-behaved, in the variants that clients must cope with.
		"ok":         legacy(now, jsonAnswer, false),
		"ok-sse":     legacy(now, eventAnswer, false),
		"ok-session": legacy(now, eventAnswer, true),
		"slow":       slow(now, legacy(now, jsonAnswer, false)),
		// initialize answers with a revision that nobody knows.
		"unknown-version": unknownVersion(now),
		// The server answers initialize with a JSON-RPC error.
		"jsonrpc-error": jsonrpcError,
		// Not MCP at all.
		"wrong-content-type": content("text/plain", `{"jsonrpc":"2.0","id":1,"result":{}}`),
		"html":               content("text/html", "<!doctype html><title>Welcome to nginx!</title>"),
		"invalid-json":       content("application/json", `{"jsonrpc": "2.0", "id": 1, "result": {`),
		"empty":              content("application/json", ""),
		"redirect":           redirect(now),
		// Broken on the wire.
		"hang":  hang,
		"huge":  huge,
		"reset": reset,
	}
}

func misbehave(now settings) mode {
	if found := modes(now)[now.mode]; found != nil {
		return found
	}
	status, _ := strconv.Atoi(now.mode)
	return func(_ *server, w http.ResponseWriter, _ *http.Request, _ rpcMessage) {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="mcp"`) // RFC 6750, section 3
		}
		http.Error(w, http.StatusText(status), status)
	}
}

func isMode(name string) bool {
	status, err := strconv.Atoi(name)
	return modes(settings{})[name] != nil || (err == nil && status >= 200 && status <= 599)
}

func modeNames() string {
	var names []string
	for name := range modes(settings{}) {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func slow(now settings, then mode) mode {
	return func(s *server, w http.ResponseWriter, r *http.Request, message rpcMessage) {
		select {
		case <-time.After(now.delay):
			then(s, w, r, message)
		case <-r.Context().Done(): // the client gave up
		}
	}
}

func unknownVersion(now settings) mode {
	otherwise := legacy(now, jsonAnswer, false)
	return func(s *server, w http.ResponseWriter, r *http.Request, message rpcMessage) {
		if message.Method != "initialize" {
			otherwise(s, w, r, message)
			return
		}
		jsonAnswer(w, message.result(initializeResult("1999-12-31")))
	}
}

func jsonrpcError(_ *server, w http.ResponseWriter, _ *http.Request, message rpcMessage) {
	jsonAnswer(w, message.failure(-32603, "the database is on fire"))
}

func content(contentType, body string) mode {
	return func(_ *server, w http.ResponseWriter, _ *http.Request, _ rpcMessage) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}
}

func redirect(now settings) mode {
	return func(_ *server, w http.ResponseWriter, r *http.Request, _ rpcMessage) {
		http.Redirect(w, r, now.redirect, http.StatusTemporaryRedirect) // 307 keeps method and body
	}
}

// hang accepts and never answers.
func hang(_ *server, _ http.ResponseWriter, r *http.Request, _ rpcMessage) {
	<-r.Context().Done()
}

// huge answers initialize with a JSON document that never ends.
func huge(_ *server, w http.ResponseWriter, _ *http.Request, _ rpcMessage) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"instructions":"`)
	block := strings.Repeat("a", 64<<10)
	for {
		if _, err := fmt.Fprint(w, block); err != nil {
			return // the client has had enough
		}
	}
}

// reset ends the connection with a TCP RST: closing with linger 0 throws away what was not sent.
func reset(_ *server, w http.ResponseWriter, _ *http.Request, _ rpcMessage) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_ = connection.(*net.TCPConn).SetLinger(0)
	_ = connection.Close()
}
