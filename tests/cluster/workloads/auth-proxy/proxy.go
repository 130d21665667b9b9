package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// guarded lets requests with a known token through to next, and answers the others as RFC 6750, section 3, says.
func guarded(tokens []token, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, presented, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			refuse(w, `Bearer realm="mcp"`, "this server wants a token: Authorization: Bearer TOKEN")
			return
		}
		name, found := find(tokens, strings.TrimSpace(presented))
		if !found {
			refuse(w, `Bearer realm="mcp", error="invalid_token"`, "this token is not known here")
			return
		}
		fmt.Println(name, r.Method, r.URL.Path)
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, challenge, message string) {
	w.Header().Set("WWW-Authenticate", challenge)
	http.Error(w, message, http.StatusUnauthorized)
}

// proxy passes requests on. The server behind gets no token, and sees the host that the client asked for.
func proxy(server string) http.Handler {
	target := &url.URL{Scheme: "http", Host: server}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			r.Out.Header.Del("Authorization")
		},
		// Events of a stream go to the client as they come.
		FlushInterval: -1,
	}
}
