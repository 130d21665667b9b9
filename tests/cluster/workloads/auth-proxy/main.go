// Auth-proxy stands in front of an MCP server in the same pod, and lets in who has a token. It listens on $PORT (default
// 8443) and passes everything on to 127.0.0.1:$MCP_PORT.
//
//	auth-proxy [CONFIG]     default /etc/sidecar/config.json
//
// The config has no tokens, only their hashes, so that it can be in a ConfigMap:
//
//	{"tokens": [{"name": "ci", "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}]}
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "auth-proxy:", err)
		os.Exit(1)
	}
}

func run() error {
	file := "/etc/sidecar/config.json"
	if len(os.Args) > 1 {
		file = os.Args[1]
	}
	tokens, err := readTokens(file)
	if err != nil {
		return err
	}
	port := os.Getenv("PORT")
	if port == "" {
		port = "8443"
	}
	server := os.Getenv("MCP_PORT")
	if server == "" {
		return fmt.Errorf("MCP_PORT is not set: it is the port of the MCP server behind this proxy")
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		os.Exit(0)
	}()
	fmt.Println("port", port, "leads to 127.0.0.1:"+server, "for", len(tokens), "tokens")
	return http.ListenAndServe(":"+port, guarded(tokens, proxy("127.0.0.1:"+server)))
}
