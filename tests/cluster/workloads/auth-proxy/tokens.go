package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
)

// A token that lets in, by its hash. Its name is for the log.
type token struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	hash   []byte
}

func readTokens(file string) ([]token, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var config struct {
		Tokens []token `json:"tokens"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i := range config.Tokens {
		token := &config.Tokens[i]
		token.hash, err = hex.DecodeString(token.SHA256)
		if err != nil || len(token.hash) != sha256.Size {
			return nil, fmt.Errorf("%s: tokens[%d].sha256 should be 64 hexadecimal digits: printf %%s TOKEN | sha256sum", file, i)
		}
	}
	return config.Tokens, nil
}

// find returns the name of the token that was presented. It takes as long for a wrong one.
func find(tokens []token, presented string) (name string, found bool) {
	hash := sha256.Sum256([]byte(presented))
	for _, token := range tokens {
		if subtle.ConstantTimeCompare(hash[:], token.hash) == 1 {
			name, found = token.Name, true
		}
	}
	return name, found
}
