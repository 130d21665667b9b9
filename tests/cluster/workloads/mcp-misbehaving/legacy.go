package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
)

// The revision this server speaks: https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle and .../transports.
const revision = "2025-11-25"

// rpcMessage is what a client sends. Without an id it is a notification.
type rpcMessage struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
}

func (m rpcMessage) result(result any) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": result}
}

func (m rpcMessage) failure(code int, message string) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "id": m.ID, "error": map[string]any{"code": code, "message": message}}
}

func initializeResult(version string) map[string]any {
	return map[string]any{
		"protocolVersion": version,
		"capabilities":    map[string]any{"tools": map[string]any{"listChanged": true}},
		"serverInfo":      map[string]any{"name": "mcp-misbehaving", "version": "1.0.0"},
	}
}

// How it answers the modern server/discover; main.go says which is which.
var discoverAnswers = map[string]func(http.ResponseWriter, rpcMessage){
	"bad-request": func(w http.ResponseWriter, _ rpcMessage) {
		refuse(w, http.StatusBadRequest, rpcMessage{}.failure(-32000, "Bad Request: Server not initialized"))
	},
	"method-not-found": func(w http.ResponseWriter, m rpcMessage) {
		jsonAnswer(w, m.failure(-32601, "Method not found"))
	},
	"not-found": func(w http.ResponseWriter, _ rpcMessage) { w.WriteHeader(http.StatusNotFound) },
	"empty":     func(w http.ResponseWriter, _ rpcMessage) { w.WriteHeader(http.StatusBadRequest) },
}

// legacy is a correct server of its era. write is how it answers requests; withSessions makes it insist on Mcp-Session-Id.
func legacy(now settings, write func(http.ResponseWriter, map[string]any), withSessions bool) mode {
	return func(s *server, w http.ResponseWriter, r *http.Request, message rpcMessage) {
		switch {
		case message.Method == "server/discover":
			discoverAnswers[now.discover](w, message)
		case message.Method == "initialize":
			if withSessions {
				w.Header().Set("Mcp-Session-Id", s.openSession())
			}
			write(w, message.result(initializeResult(revision)))
		case withSessions && !s.hasSession(r):
			// transports, "Session Management": without the header 400, with one that is not known 404.
			status := http.StatusNotFound
			if r.Header.Get("Mcp-Session-Id") == "" {
				status = http.StatusBadRequest
			}
			refuse(w, status, message.failure(-32600, "no such session"))
		case r.Method == http.MethodDelete:
			s.deleteSession(w, r)
		case r.Method == http.MethodGet:
			stream(w, r)
		case message.ID == nil:
			w.WriteHeader(http.StatusAccepted)
		case message.Method == "tools/list":
			write(w, message.result(map[string]any{"tools": []any{}}))
		case message.Method == "ping":
			write(w, message.result(map[string]any{}))
		default:
			write(w, message.failure(-32601, "Method not found"))
		}
	}
}

func jsonAnswer(w http.ResponseWriter, message map[string]any) {
	refuse(w, http.StatusOK, message)
}

// eventAnswer sends the message as the one event of a stream that then ends.
func eventAnswer(w http.ResponseWriter, message map[string]any) {
	text, _ := json.Marshal(message)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, ": a comment comes first, as the SSE format allows\n\nevent: message\ndata: %s\n\n", text)
}

func refuse(w http.ResponseWriter, status int, message map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(message)
}

// stream is the GET stream for what the server has to say by itself: nothing, until the client goes.
func stream(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func (s *server) openSession() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := rand.Text()
	s.sessions[id] = true
	s.counters.SessionsOpened++
	return id
}

func (s *server) hasSession(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[r.Header.Get("Mcp-Session-Id")]
}

func (s *server) deleteSession(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.Header.Get("Mcp-Session-Id")
	if !s.sessions[id] {
		w.WriteHeader(http.StatusMethodNotAllowed) // a server without sessions has nothing to delete
		return
	}
	delete(s.sessions, id)
	s.counters.SessionsDeleted++
	w.WriteHeader(http.StatusNoContent)
}
