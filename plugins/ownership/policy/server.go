package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Server is what this policy looks at of an MCPServer.
type Server struct {
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

// ReadServer takes an MCPServer as JSON.
func ReadServer(text string) (Server, error) {
	var manifest struct {
		Metadata Server `json:"metadata"`
	}
	err := json.Unmarshal([]byte(text), &manifest)
	return manifest.Metadata, err
}

// Problem is why a server is refused.
type Problem struct {
	Code    string
	Message string
	Path    string
}

// Ownership is what is copied to a server's objects.
type Ownership struct {
	Labels      map[string]string
	Annotations map[string]string
}

// Of says what a server's objects get, or what is wrong with the server: all of it at once, in the order of the keys.
func (p *Parameters) Of(server Server) (Ownership, []Problem) {
	ownership := Ownership{Labels: map[string]string{}, Annotations: map[string]string{}}
	var problems []Problem
	for _, key := range sorted(p.Keys) {
		rule := p.Keys[key]
		given, copied := server.Labels, ownership.Labels
		if rule.In == Annotations {
			given, copied = server.Annotations, ownership.Annotations
		}
		value := given[key]
		if value == "" {
			value = p.Namespaces[server.Namespace][key]
		}
		switch {
		case value == "" && rule.Required:
			problems = append(problems, rule.missing(key))
		case value != "" && !rule.allows(value):
			problems = append(problems, rule.notAllowed(key, value))
		case value != "" && rule.Copy:
			copied[key] = value
		}
	}
	return ownership, problems
}

func (r *Rule) missing(key string) Problem {
	return Problem{
		Code:    word(key) + "Missing",
		Message: fmt.Sprintf("Set the %s %s to %s.", r.noun(), key, r.wanted()),
		Path:    "metadata." + r.In,
	}
}

func (r *Rule) notAllowed(key, value string) Problem {
	return Problem{
		Code:    word(key) + "NotAllowed",
		Message: fmt.Sprintf("The %s %s is %q; write %s.", r.noun(), key, value, r.wanted()),
		Path:    fmt.Sprintf("metadata.%s[%s]", r.In, key),
	}
}

func (r *Rule) noun() string { return strings.TrimSuffix(r.In, "s") }

// wanted completes "write …".
func (r *Rule) wanted() string {
	switch {
	case len(r.Values) > 0:
		return "one of: " + strings.Join(r.Values, ", ")
	case r.Pattern != "":
		return "a value that matches " + r.Pattern
	default:
		return "a value that is not empty"
	}
}

// word makes CostCenter of example.com/cost-center.
func word(key string) string {
	name := key[strings.LastIndex(key, "/")+1:]
	parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, part := range parts {
		parts[i] = strings.ToUpper(part[:1]) + part[1:]
	}
	return strings.Join(parts, "")
}
