package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A client that neither follows redirects nor waits for long.
var client = &http.Client{
	Timeout:       2 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize"}`

// start runs the server in a mode, which is set as clients set it.
func start(t *testing.T, query string) string {
	t.Helper()
	listening := httptest.NewServer(newServer())
	t.Cleanup(listening.CloseClientConnections)
	request(t, http.MethodPost, listening.URL+"/control?"+query, "", "")
	return listening.URL
}

// request returns the response and up to 1000 bytes of its body; nil when the connection broke.
func request(t *testing.T, method, url, body, session string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if session != "" {
		r.Header.Set("Mcp-Session-Id", session)
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
	return response, string(text)
}

func counted(t *testing.T, url string) counters {
	t.Helper()
	_, body := request(t, http.MethodGet, url+"/control", "", "")
	var c counters
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatal(err, body)
	}
	return c
}

func TestEachModeMisbehavesInItsWay(t *testing.T) {
	for query, expected := range map[string]struct {
		status      int
		contentType string
		body        string
	}{
		"mode=ok":                 {200, "application/json", `"protocolVersion":"2025-11-25"`},
		"mode=ok-sse":             {200, "text/event-stream", `data: {"id":1,`},
		"mode=ok-session":         {200, "text/event-stream", `"serverInfo"`},
		"mode=slow&seconds=0.1":   {200, "application/json", `"protocolVersion":"2025-11-25"`},
		"mode=unknown-version":    {200, "application/json", `"protocolVersion":"1999-12-31"`},
		"mode=jsonrpc-error":      {200, "application/json", `"code":-32603`},
		"mode=401":                {401, "text/plain; charset=utf-8", "Unauthorized"},
		"mode=500":                {500, "text/plain; charset=utf-8", "Internal"},
		"mode=wrong-content-type": {200, "text/plain", "jsonrpc"},
		"mode=html":               {200, "text/html", "<!doctype"},
		"mode=invalid-json":       {200, "application/json", `"result": {`},
		"mode=empty":              {200, "application/json", ""},
		"mode=redirect":           {307, "", ""},
		"mode=huge":               {200, "application/json", "aaaaaaaa"},
	} {
		response, body := request(t, http.MethodPost, start(t, query), initialize, "")
		if response == nil || response.StatusCode != expected.status ||
			response.Header.Get("Content-Type") != expected.contentType || !strings.Contains(body, expected.body) {
			t.Errorf("%s: %v %q", query, response, body)
		}
	}
}

func TestResetAndHangGiveNoAnswer(t *testing.T) {
	for mode, expected := range map[string]string{"reset": "connection reset by peer", "hang": "Timeout exceeded"} {
		response, problem := request(t, http.MethodPost, start(t, "mode="+mode), initialize, "")
		if response != nil || !strings.Contains(problem, expected) {
			t.Errorf("%s: %v %s", mode, response, problem)
		}
	}
}

func TestDiscoverIsAnsweredAsLegacyServersDo(t *testing.T) {
	for how, expected := range map[string]int{"bad-request": 400, "method-not-found": 200, "not-found": 404, "empty": 400} {
		response, _ := request(t, http.MethodPost, start(t, "discover="+how), `{"jsonrpc":"2.0","id":1,"method":"server/discover"}`, "")
		if response.StatusCode != expected {
			t.Errorf("%s: %d", how, response.StatusCode)
		}
	}
}

func TestSessionsAreCountedAndDeleted(t *testing.T) {
	url := start(t, "mode=ok-session")
	opened, _ := request(t, http.MethodPost, url, initialize, "")
	session := opened.Header.Get("Mcp-Session-Id")
	without, _ := request(t, http.MethodPost, url, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, "")
	with, _ := request(t, http.MethodPost, url, `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`, session)
	deleted, _ := request(t, http.MethodDelete, url, "", session)
	after, _ := request(t, http.MethodPost, url, `{"jsonrpc":"2.0","id":3,"method":"tools/list"}`, session)
	if without.StatusCode != 400 || with.StatusCode != 200 || deleted.StatusCode != 204 || after.StatusCode != 404 {
		t.Error(without.StatusCode, with.StatusCode, deleted.StatusCode, after.StatusCode)
	}
	c := counted(t, url)
	if c.SessionsOpened != 1 || c.SessionsDeleted != 1 || c.Requests["initialize"] != 1 || c.Requests["tools/list"] != 3 {
		t.Errorf("%+v", c)
	}
}

func TestWrongSettingsAreRefusedWithWhatThereIs(t *testing.T) {
	s := newServer()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/control?mode=nice", bytes.NewReader(nil)))
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "ok-session") {
		t.Error(w.Code, w.Body.String())
	}
}
