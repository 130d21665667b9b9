// My-policy is a render plugin that gives every server's pods a priority class. Package priority has what it does; this
// file connects it with the interface of the operator.
package main

import (
	_ "embed"

	"example.com/my-policy/priority"
	"example.com/my-policy/render"
)

//go:embed parameters.schema.json
var schema string

func init() {
	render.Export(render.Info{
		Name:             "my-policy",
		Version:          "0.1.0",
		Description:      "Gives every server's pods a priority class.",
		Emits:            []render.Kind{{APIVersion: "apps/v1", Kind: "Deployment"}},
		ParametersSchema: schema,
	}, prioritize)
}

func main() {}

func prioritize(request render.Request) (render.Response, error) {
	class, err := priority.Of(request.Server, request.Parameters)
	if refused, ok := err.(*priority.NotOffered); ok {
		return render.Response{}, render.Refusal{{
			Severity: render.SeverityError,
			Code:     "PriorityNotOffered",
			Message:  refused.Error(),
			Path:     priority.Path,
		}}
	}
	if err != nil {
		return render.Response{}, err
	}
	objects := request.Base
	for i, object := range objects {
		if object.Slot == render.SlotWorkload {
			if objects[i].JSON, err = priority.Put(object.JSON, class); err != nil {
				return render.Response{}, render.Unsupported(object.Slot + ": " + err.Error())
			}
		}
	}
	return render.Response{Objects: objects}, nil
}
