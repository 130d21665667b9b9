// Mcp-misbehaving is an MCP server of the initialize era (2025-11-25) that misbehaves on demand. It listens on $PORT (default 8080)
// on every path, and starts in the mode of its first argument or $MODE (default ok).
//
//	POST /control?mode=MODE[&seconds=N][&to=URL][&discover=HOW]   switch, at run time; the parameters are also $SECONDS, $TO, $DISCOVER
//	POST /control?reset=1                                         set the counters to zero, forget the sessions
//	GET  /control                                                 mode and counters as JSON
//
// modes.go lists the modes. `discover` is how it answers the modern server/discover in the ok modes, where real servers differ:
// bad-request (default: HTTP 400, JSON-RPC error -32000 without id, as the TypeScript SDK), method-not-found (HTTP 200, -32601),
// not-found (HTTP 404 without body), empty (HTTP 400 without body).
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	s := newServer()
	settings := map[string]string{"mode": os.Getenv("MODE"), "seconds": os.Getenv("SECONDS"), "to": os.Getenv("TO"), "discover": os.Getenv("DISCOVER")}
	if len(os.Args) > 1 {
		settings["mode"] = os.Args[1]
	}
	if err := s.configure(func(name string) string { return settings[name] }); err != nil {
		fmt.Fprintln(os.Stderr, "mcp-misbehaving:", err)
		os.Exit(2)
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		os.Exit(0)
	}()
	fmt.Println("misbehaving on port", port, "in mode", s.snapshot().Mode)
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":"+port, s))
	os.Exit(1)
}
