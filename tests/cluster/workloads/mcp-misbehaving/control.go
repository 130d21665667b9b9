package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// What GET /control tells.
type counters struct {
	Mode string `json:"mode"`
	// Requests counts POST bodies by JSON-RPC method; what is no JSON-RPC counts as "?".
	Requests map[string]int `json:"requests"`
	// GetStreams counts GETs for a stream, answered or not.
	GetStreams      int `json:"getStreams"`
	SessionsOpened  int `json:"sessionsOpened"`
	SessionsDeleted int `json:"sessionsDeleted"`
	// AuthorizationHeaders counts requests that came with credentials.
	AuthorizationHeaders int `json:"authorizationHeaders"`
	// RedirectsFollowed counts requests that arrived at the default target of the redirect.
	RedirectsFollowed int `json:"redirectsFollowed"`
}

// settings is what a mode needs to know.
type settings struct {
	mode     string
	delay    time.Duration
	redirect string
	discover string
}

const redirected = "/redirected" // the default target of the mode redirect

type server struct {
	mu       sync.Mutex
	settings settings
	counters counters
	sessions map[string]bool // ids of open ones
}

func newServer() *server {
	return &server{
		settings: settings{mode: "ok", delay: 5 * time.Second, redirect: redirected, discover: "bad-request"},
		counters: counters{Requests: map[string]int{}},
		sessions: map[string]bool{},
	}
}

// configure takes over the settings that are given; none of them when one is wrong.
func (s *server) configure(get func(string) string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.settings
	if mode := get("mode"); mode != "" {
		if !isMode(mode) {
			return fmt.Errorf("unknown mode %q; there are: %s, and every HTTP status as a number", mode, modeNames())
		}
		next.mode = mode
	}
	if seconds := get("seconds"); seconds != "" {
		n, err := strconv.ParseFloat(seconds, 64)
		if err != nil {
			return fmt.Errorf("seconds=%q is no number", seconds)
		}
		next.delay = time.Duration(n * float64(time.Second))
	}
	if to := get("to"); to != "" {
		next.redirect = to
	}
	if discover := get("discover"); discover != "" {
		if discoverAnswers[discover] == nil {
			return fmt.Errorf("discover=%q: there are bad-request, method-not-found, not-found and empty", discover)
		}
		next.discover = discover
	}
	s.settings = next
	return nil
}

func (s *server) snapshot() counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.counters
	now.Mode = s.settings.mode
	now.Requests = map[string]int{}
	for method, n := range s.counters.Requests {
		now.Requests[method] = n
	}
	return now
}

// ServeHTTP counts a request before anything can go wrong with it, then lets the mode answer.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/control" {
		s.control(w, r)
		return
	}
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var message rpcMessage
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&message); err != nil || message.Method == "" {
		message.Method = "?"
	}
	now := s.count(r, message.Method)
	fmt.Println(r.Method, r.URL.Path, message.Method, "in mode", now.mode)
	misbehave(now)(s, w, r, message)
}

func (s *server) count(r *http.Request, method string) settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.Method {
	case http.MethodPost:
		s.counters.Requests[method]++
	case http.MethodGet:
		s.counters.GetStreams++
	}
	if r.Header.Get("Authorization") != "" {
		s.counters.AuthorizationHeaders++
	}
	if r.URL.Path == redirected {
		s.counters.RedirectsFollowed++
	}
	return s.settings
}

func (s *server) control(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		if err := s.configure(r.FormValue); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if r.FormValue("reset") != "" {
			s.mu.Lock()
			s.counters, s.sessions = counters{Requests: map[string]int{}}, map[string]bool{}
			s.mu.Unlock()
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.snapshot())
}
