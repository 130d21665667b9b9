// What crosses the boundary: the types of package render as those that are generated, and back.

package render

import (
	"errors"

	exportedInfo "render/internal/wit/export_mcp_render_info"
	exportedRenderer "render/internal/wit/export_mcp_render_renderer"
	witInfo "render/internal/wit/mcp_render_info"
	witLog "render/internal/wit/mcp_render_log"
	wit "render/internal/wit/mcp_render_types"
	witTypes "render/internal/wit/types"
	_ "render/internal/wit/wit_exports"
)

type result = witTypes.Result[wit.Response, wit.Failure]

func export(info Info, render func(Request) (Response, error)) {
	exportedInfo.Describe = func() witInfo.PluginInfo { return describe(info) }
	exportedRenderer.Render = func(request wit.Request) result {
		response, err := render(received(request))
		if err != nil {
			return witTypes.Err[wit.Response](failure(err))
		}
		return witTypes.Ok[wit.Response, wit.Failure](wit.Response{
			Objects:     each(response.Objects, func(o Object) wit.SlotObject { return wit.SlotObject{Slot: o.Slot, Object: o.JSON} }),
			Diagnostics: each(response.Diagnostics, diagnostic),
		})
	}
}

func log(level Level, message string) { witLog.Emit(uint8(level), message) }

func describe(info Info) witInfo.PluginInfo {
	return witInfo.PluginInfo{
		Name:             info.Name,
		Version:          info.Version,
		Description:      info.Description,
		Emits:            each(info.Emits, func(k Kind) witInfo.ObjectKind { return witInfo.ObjectKind{ApiVersion: k.APIVersion, Kind: k.Kind} }),
		Facts:            info.Facts,
		ParametersSchema: option(info.ParametersSchema),
	}
}

func received(request wit.Request) Request {
	facts := make(map[string]string, len(request.Facts))
	for _, fact := range request.Facts {
		facts[fact.Name] = fact.Value
	}
	return Request{
		Server:     request.Server,
		Base:       each(request.Base, func(o wit.SlotObject) Object { return Object{Slot: o.Slot, JSON: o.Object} }),
		Parameters: request.Parameters.SomeOr(""),
		Facts:      facts,
	}
}

func failure(err error) wit.Failure {
	var refusal Refusal
	var unsupported Unsupported
	switch {
	case errors.As(err, &refusal):
		return wit.MakeFailureInvalid(each(refusal, diagnostic))
	case errors.As(err, &unsupported):
		return wit.MakeFailureUnsupported(err.Error())
	default:
		return wit.MakeFailureInternal(err.Error())
	}
}

func diagnostic(d Diagnostic) wit.Diagnostic {
	return wit.Diagnostic{
		Severity: uint8(d.Severity),
		Code:     d.Code,
		Message:  d.Message,
		Path:     option(d.Path),
		Slot:     option(d.Slot),
	}
}

func option(text string) witTypes.Option[string] {
	if text == "" {
		return witTypes.None[string]()
	}
	return witTypes.Some(text)
}

func each[A, B any](from []A, convert func(A) B) []B {
	to := make([]B, 0, len(from))
	for _, value := range from {
		to = append(to, convert(value))
	}
	return to
}
