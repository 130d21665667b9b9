// Mcp-stateless is a small MCP server that speaks revision 2026-07-28 over Streamable HTTP and nothing older: no initialize, no
// session, no GET stream. It offers one tool, echo. It listens on $PORT (default 8080) at /mcp.
//
// It is strict where the specification says MUST, so that a client that passes here is right. The links are below
// https://modelcontextprotocol.io/specification/2026-07-28.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
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
	fmt.Println("MCP", revision, "on port", port, "at /mcp")
	fmt.Fprintln(os.Stderr, http.ListenAndServe(":"+port, routes()))
	os.Exit(1)
}

func routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /mcp", answer)
	// basic/transports/streamable-http, "Earlier Streamable HTTP Revisions": GET and DELETE get 405, which the mux
	// answers by itself for a path that has only POST.
	return mux
}
