package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	config     = `{"tokens": [{"name": "ci", "sha256": "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"}]}`
	ciToken    = "test"
	wrongToken = "Test"
)

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// front is a proxy in front of a server that does this.
func front(t *testing.T, server http.HandlerFunc) *httptest.Server {
	t.Helper()
	tokens, err := readTokens(written(t, config))
	if err != nil {
		t.Fatal(err)
	}
	behind := httptest.NewServer(server)
	t.Cleanup(behind.Close)
	front := httptest.NewServer(guarded(tokens, proxy(behind.Listener.Addr().String())))
	t.Cleanup(front.Close)
	return front
}

// get sends a request with this Authorization.
func get(t *testing.T, url, authorization string) *http.Response {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { response.Body.Close() })
	return response
}

func TestNobodyGetsInWithoutAKnownToken(t *testing.T) {
	front := front(t, func(http.ResponseWriter, *http.Request) { t.Error("it got in") })
	for authorization, challenge := range map[string]string{
		"":                      `Bearer realm="mcp"`,
		"Basic dGVzdA==":        `Bearer realm="mcp"`,
		"Bearer":                `Bearer realm="mcp", error="invalid_token"`,
		"Bearer " + wrongToken:  `Bearer realm="mcp", error="invalid_token"`,
		"Bearer 9f86d081884c7d": `Bearer realm="mcp", error="invalid_token"`,
	} {
		response := get(t, front.URL+"/mcp", authorization)
		if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != challenge {
			t.Errorf("%q: HTTP %d, %v", authorization, response.StatusCode, response.Header)
		}
	}
}

func TestTheServerSeesTheRequestWithoutTheToken(t *testing.T) {
	front := front(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Mcp-Session-Id", "7")
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, r.Host, r.URL.Path, r.Header.Get("Authorization"))
	})
	response := get(t, front.URL+"/mcp", "bearer "+ciToken)
	body, err := bufio.NewReader(response.Body).ReadString(0)
	if response.StatusCode != http.StatusAccepted || response.Header.Get("Mcp-Session-Id") != "7" {
		t.Error(response.StatusCode, response.Header)
	}
	if want := strings.TrimPrefix(front.URL, "http://") + "/mcp"; body != want {
		t.Error(body, err)
	}
}

func TestEventsArriveAsTheyAreSent(t *testing.T) {
	seen := make(chan struct{})
	front := front(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: first\n\n")
		w.(http.Flusher).Flush()
		<-seen // the stream stays open until the client has the first event
		fmt.Fprint(w, "data: last\n\n")
	})
	lines := bufio.NewScanner(get(t, front.URL+"/mcp", "Bearer "+ciToken).Body)
	if !lines.Scan() || lines.Text() != "data: first" {
		t.Fatal(lines.Text(), lines.Err())
	}
	close(seen)
	for lines.Scan() {
		if lines.Text() == "data: last" {
			return
		}
	}
	t.Error("the last event is missing")
}

func TestAServerThatIsNotThereIsABadGateway(t *testing.T) {
	tokens, err := readTokens(written(t, config))
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(guarded(tokens, proxy("127.0.0.1:1")))
	defer front.Close()
	if response := get(t, front.URL, "Bearer "+ciToken); response.StatusCode != http.StatusBadGateway {
		t.Error(response.StatusCode)
	}
}

func TestAConfigThatIsWrongIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"{":                             "config.json: unexpected end of JSON input",
		`{"tokens": [{"sha256": "0"}]}`: "tokens[0].sha256 should be 64 hexadecimal digits",
		`{"tokens": [{"name": "ci"}]}`:  "tokens[0].sha256 should be 64 hexadecimal digits",
	} {
		if _, err := readTokens(written(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
