// Package policy decides what a server's labels say of its owner and its cost, and puts that on the server's objects. It
// is plain Go, so that its tests need no WebAssembly.
package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Where a server says something of itself.
const (
	Labels      = "labels"
	Annotations = "annotations"
)

// Parameters are what a platform team can set, as parameters.schema.json describes them.
type Parameters struct {
	Keys       map[string]*Rule             `json:"keys"`
	Namespaces map[string]map[string]string `json:"namespaces"`
}

// Rule is what is asked of one key.
type Rule struct {
	In       string   `json:"in"`
	Required bool     `json:"required"`
	Values   []string `json:"values"`
	Pattern  string   `json:"pattern"`
	Copy     bool     `json:"copy"`

	whole *regexp.Regexp // Pattern, from the first character to the last
}

// UnmarshalJSON fills in the defaults.
func (r *Rule) UnmarshalJSON(text []byte) error {
	type plain Rule // without this method
	*r = Rule{In: Labels, Required: true, Copy: true}
	return json.Unmarshal(text, (*plain)(r))
}

// Read takes parameters that fit the schema, and checks what a schema cannot say. Its errors are for whoever set them.
func Read(text string) (*Parameters, error) {
	var parameters Parameters
	if err := json.Unmarshal([]byte(text), &parameters); err != nil {
		return nil, fmt.Errorf("parameters: %w", err)
	}
	for _, key := range sorted(parameters.Keys) {
		if err := parameters.Keys[key].compile(); err != nil {
			return nil, fmt.Errorf("parameters.keys[%s].pattern: %w", key, err)
		}
	}
	for _, namespace := range sorted(parameters.Namespaces) {
		for _, key := range sorted(parameters.Namespaces[namespace]) {
			if err := parameters.checkDefault(key, parameters.Namespaces[namespace][key]); err != nil {
				return nil, fmt.Errorf("parameters.namespaces.%s[%s]: %w", namespace, key, err)
			}
		}
	}
	return &parameters, nil
}

func (r *Rule) compile() (err error) {
	if r.Pattern != "" {
		r.whole, err = regexp.Compile("^(?:" + r.Pattern + ")$")
	}
	return err
}

// A namespace's value is held to what is asked of the servers' own. Their labels the API server has checked; these nobody.
func (p *Parameters) checkDefault(key, value string) error {
	rule, known := p.Keys[key]
	switch {
	case !known:
		return fmt.Errorf("there is no such key in parameters.keys")
	case !rule.allows(value):
		return fmt.Errorf("%q is not allowed; write %s", value, rule.wanted())
	case rule.In == Labels && !labelValue.MatchString(value):
		return fmt.Errorf("%q cannot be the value of a label: write at most 63 letters, digits, '-', '_' or '.'", value)
	}
	return nil
}

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
var labelValue = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)

func (r *Rule) allows(value string) bool {
	return (len(r.Values) == 0 || slices.Contains(r.Values, value)) && (r.whole == nil || r.whole.MatchString(value))
}

func sorted[V any](of map[string]V) []string {
	return slices.Sorted(maps.Keys(of))
}
