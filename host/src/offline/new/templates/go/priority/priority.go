// Package priority chooses the priority class of a server and puts it on its pods. It knows nothing of components, so
// that it can be tested anywhere.
package priority

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const label = "priority"

// Path is the field of an MCPServer that asks for a class.
const Path = "metadata.labels[" + label + "]"

// Classes are offered when the parameters name none: the default in parameters.schema.json. The first one is for servers
// that ask for none.
var Classes = []string{"mcp-standard", "mcp-high"}

// NotOffered says that a server asks for a class that is not offered.
type NotOffered struct {
	Asked   string
	Offered []string
}

func (n *NotOffered) Error() string {
	offered := strings.Join(n.Offered, ", ")
	return fmt.Sprintf("The priority class %s is not offered; write one of: %s.", n.Asked, offered)
}

// Of is the class of a server. Both are JSON; the parameters may be empty.
func Of(server, parameters string) (string, error) {
	var manifest struct {
		Metadata struct{ Labels map[string]string }
	}
	if err := json.Unmarshal([]byte(server), &manifest); err != nil {
		return "", err
	}
	given := struct{ Classes []string }{slices.Clone(Classes)}
	if parameters != "" {
		if err := json.Unmarshal([]byte(parameters), &given); err != nil {
			return "", err
		}
	}
	asked, asks := manifest.Metadata.Labels[label]
	if !asks {
		return given.Classes[0], nil
	}
	if !slices.Contains(given.Classes, asked) {
		return "", &NotOffered{asked, given.Classes}
	}
	return asked, nil
}

// Put puts the class on the pods of a workload. What is not looked at stays the text that it was, numbers included.
func Put(workload, class string) (string, error) {
	name, err := json.Marshal(class)
	if err != nil {
		return "", err
	}
	changed, err := put(json.RawMessage(workload), []string{"spec", "template", "spec", "priorityClassName"}, name)
	return string(changed), err
}

func put(object json.RawMessage, path []string, value json.RawMessage) (json.RawMessage, error) {
	if len(path) == 0 {
		return value, nil
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(object, &fields); err != nil {
		return nil, fmt.Errorf("%s: %w", path[0], err)
	}
	inner, err := put(fields[path[0]], path[1:], value)
	if err != nil {
		return nil, err
	}
	fields[path[0]] = inner
	return json.Marshal(fields)
}
