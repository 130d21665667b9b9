// Ownership is a render plugin: no server without an owner, and every object says whose it is. Package policy has what it
// does; this file connects it with the interface of the operator.
package main

import (
	_ "embed"

	"github.com/mcp-operator/mcp-operator/plugins/ownership/policy"
	"github.com/mcp-operator/mcp-operator/plugins/ownership/render"
)

//go:embed parameters.schema.json
var schema string

func init() {
	info := render.Info{
		Name:             "ownership",
		Version:          "0.1.0",
		Description:      "Refuses servers without an owner, and labels every object with it.",
		ParametersSchema: schema,
	}
	for _, kind := range policy.Kinds {
		info.Emits = append(info.Emits, render.Kind{APIVersion: kind[0], Kind: kind[1]})
	}
	render.Export(info, ownership)
}

func main() {}

func ownership(request render.Request) (render.Response, error) {
	parameters, err := policy.Read(request.Parameters)
	if err != nil {
		return render.Response{}, render.Unsupported(err.Error())
	}
	server, err := policy.ReadServer(request.Server)
	if err != nil {
		return render.Response{}, err
	}
	owned, problems := parameters.Of(server)
	if len(problems) > 0 {
		return render.Response{}, refusal(problems)
	}
	objects := request.Base
	for i, object := range objects {
		objects[i].JSON, err = owned.PutOn(object.JSON)
		if err != nil {
			return render.Response{}, render.Unsupported(object.Slot + ": " + err.Error())
		}
	}
	return render.Response{Objects: objects}, nil
}

func refusal(problems []policy.Problem) render.Refusal {
	var refusal render.Refusal
	for _, problem := range problems {
		refusal = append(refusal, render.Diagnostic{
			Severity: render.SeverityError,
			Code:     problem.Code,
			Message:  problem.Message,
			Path:     problem.Path,
		})
	}
	return refusal
}
