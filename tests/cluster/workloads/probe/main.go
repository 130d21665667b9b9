// Probe is the workload of the cluster tests that does as it is told: serve, crash, eat memory, or never become ready.
//
//	probe serve [PORT]      answer HTTP on PORT (default $PORT, else 8080)
//	probe unready [PORT]    the same, but /ready answers 503 until PUT /ready
//	probe silent            run without listening on any port
//	probe crash [CODE]      say so and exit with CODE (default 1)
//	probe oom               allocate memory until killed
//
// While serving: GET / tells host name and uid, GET /ready answers 200 or 503 (for a readinessProbe), PUT and DELETE /ready
// switch it, GET /env tells the environment as JSON, POST /crash?code=N ends the process.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	mode := argument(1, "serve")
	switch mode {
	case "serve", "unready":
		serve(argument(2, environment("PORT", "8080")), mode == "serve")
	case "silent":
		fmt.Println("running, listening on nothing")
		<-terminated()
	case "crash":
		code, err := strconv.Atoi(argument(2, "1"))
		if err != nil {
			fail("crash wants a number, not " + os.Args[2])
		}
		fmt.Fprintln(os.Stderr, "crashing as told, with exit code", code)
		os.Exit(code)
	case "oom":
		eatMemory()
	default:
		fail("unknown mode " + mode + "; use serve, unready, silent, crash or oom")
	}
}

// serve answers HTTP until SIGTERM.
func serve(port string, startsReady bool) {
	var ready atomic.Bool
	ready.Store(startsReady)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		host, _ := os.Hostname()
		fmt.Fprintf(w, "hello from %s uid=%d\n", host, os.Getuid())
	})
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Load() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("PUT /ready", func(http.ResponseWriter, *http.Request) { ready.Store(true) })
	mux.HandleFunc("DELETE /ready", func(http.ResponseWriter, *http.Request) { ready.Store(false) })
	mux.HandleFunc("GET /env", func(w http.ResponseWriter, _ *http.Request) {
		variables := map[string]string{}
		for _, pair := range os.Environ() {
			name, value, _ := strings.Cut(pair, "=")
			variables[name] = value
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(variables)
	})
	mux.HandleFunc("POST /crash", func(_ http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.FormValue("code"))
		if err != nil {
			code = 1
		}
		fmt.Fprintln(os.Stderr, "crashing as told, with exit code", code)
		os.Exit(code)
	})
	go func() {
		<-terminated()
		os.Exit(0)
	}()
	fmt.Println("serving on port", port)
	fail(http.ListenAndServe(":"+port, mux).Error())
}

// eatMemory touches every page it allocates, so that the container's memory limit is what stops it.
func eatMemory() {
	fmt.Println("eating memory")
	var kept [][]byte
	for {
		block := make([]byte, 8<<20)
		for i := 0; i < len(block); i += os.Getpagesize() {
			block[i] = 1
		}
		kept = append(kept, block)
		time.Sleep(5 * time.Millisecond) // slow enough for the kernel to blame this process and no other
	}
}

func terminated() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT)
	return c
}

func argument(i int, otherwise string) string {
	if len(os.Args) > i {
		return os.Args[i]
	}
	return otherwise
}

func environment(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, "probe:", message)
	os.Exit(2)
}
