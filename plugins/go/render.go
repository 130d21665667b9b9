// Package render is what a render plugin of the MCP operator is written with in Go.
//
// A plugin says what it is and has one function. This one, whole, refuses servers without an owner:
//
//	package main
//
//	import (
//		"encoding/json"
//
//		"example.com/owner/render"
//	)
//
//	func init() {
//		render.Export(render.Info{
//			Name:        "owner",
//			Version:     "0.1.0",
//			Description: "Refuses servers without an owner.",
//		}, owned)
//	}
//
//	func main() {}
//
//	func owned(request render.Request) (render.Response, error) {
//		var server struct {
//			Metadata struct{ Labels map[string]string }
//		}
//		if err := json.Unmarshal([]byte(request.Server), &server); err != nil {
//			return render.Response{}, err
//		}
//		if server.Metadata.Labels["owner"] == "" {
//			return render.Response{}, render.Refusal{{
//				Severity: render.SeverityError,
//				Code:     "OwnerMissing",
//				Message:  "Set the label owner.",
//				Path:     "metadata.labels",
//			}}
//		}
//		return render.Response{Objects: request.Base}, nil
//	}
//
// `mcp-render build` puts this package into the folder render/ of a plugin's module, writes it anew each time, and makes
// a component of the whole. On other targets than wasip1 nothing is exported and everything else is the same, so that
// `go test` and `go vet` work as ever.
package render

import "strings"

// The slots that have a meaning to the operator; every other name is free.
const (
	// SlotWorkload has the Deployment that runs the pods.
	SlotWorkload = "workload"
	// SlotService has the Service whose port `mcp` gives the server's URL.
	SlotService = "service"
	// SlotNetworkPolicy has what protects the pods.
	SlotNetworkPolicy = "network-policy"
)

// Info is what a plugin says of itself.
type Info struct {
	// Name is a DNS label that names the policy.
	Name string
	// Version is the plugin's own semantic version.
	Version string
	// Description is one sentence on what the plugin does.
	Description string
	// Emits has every kind that the plugin adds or changes.
	Emits []Kind
	// Facts has the names of the facts that the plugin wants.
	Facts []string
	// ParametersSchema is a JSON Schema of the parameters; empty when the plugin takes none.
	ParametersSchema string
}

// Kind is a kind of Kubernetes object.
type Kind struct {
	APIVersion string
	Kind       string
}

// The kinds that need no grant.
var (
	Deployment    = Kind{"apps/v1", "Deployment"}
	Service       = Kind{"v1", "Service"}
	NetworkPolicy = Kind{"networking.k8s.io/v1", "NetworkPolicy"}
)

// Object is one Kubernetes object and what it is for.
type Object struct {
	// Slot is the object's role.
	Slot string
	// JSON is the whole object as it would be written in a manifest.
	JSON string
}

// Request is what a plugin gets to work with.
type Request struct {
	// Server is the MCPServer with defaults filled in, as JSON.
	Server string
	// Base is what the previous stage of the chain returned.
	Base []Object
	// Parameters are those of the RenderPlugin, as JSON that fits the schema; empty when there are none.
	Parameters string
	// Facts are the declared facts that are known.
	Facts map[string]string
}

// Response is a successful rendering.
type Response struct {
	// Objects is the complete set. What is absent here and was applied earlier will be deleted.
	Objects []Object
	// Diagnostics are findings that do not stop the server.
	Diagnostics []Diagnostic
}

// Severity is how much a diagnostic matters.
type Severity uint8

const (
	// SeverityInfo is for what is worth knowing.
	SeverityInfo Severity = iota
	// SeverityWarning is for what the server's author should look at.
	SeverityWarning
	// SeverityError is the reason of a refusal.
	SeverityError
)

// Diagnostic is one finding about the server, for the person who wrote it.
type Diagnostic struct {
	Severity Severity
	// Code is a short PascalCase word to search for, such as OwnerMissing.
	Code string
	// Message is what is wrong and what to do about it: one or two sentences.
	Message string
	// Path is the field of the MCPServer that this is about, such as metadata.labels; may be empty.
	Path string
	// Slot is that of the rendered object that this is about; may be empty.
	Slot string
}

// Refusal is the error of a plugin that refuses a server: its author has to change something. At least one of its
// diagnostics is a SeverityError.
type Refusal []Diagnostic

func (r Refusal) Error() string {
	messages := make([]string, 0, len(r))
	for _, reason := range r {
		messages = append(messages, reason.Code+": "+reason.Message)
	}
	return strings.Join(messages, "; ")
}

// Unsupported is the error of a plugin that cannot do its work here: it says what it would need.
type Unsupported string

func (u Unsupported) Error() string { return string(u) }

// Level is how loud a line of the log is.
type Level uint8

// From what only the plugin's author wants to see to what went wrong.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarn
	LevelError
)

// Log writes one line for the plugin's author: the last ones are shown when the plugin fails. So is what it writes to the
// standard error, a panic's message for example.
func Log(level Level, message string) { log(level, message) }

// Export makes the exports of a component out of a plugin. Call it once, in an init function of package main.
//
// Render's error is a Refusal when the server's author has to act, and Unsupported when it is who runs the operator; any
// other is the plugin's own fault.
func Export(info Info, render func(Request) (Response, error)) { export(info, render) }
