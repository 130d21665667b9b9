//go:build wasip1

// Package export_mcp_render_renderer has what the generated code calls for the export `renderer`.
package export_mcp_render_renderer

import (
	"render/internal/wit/mcp_render_types"
	"render/internal/wit/types"
)

// Render is the plugin's; package render sets it.
var Render func(mcp_render_types.Request) wit_types.Result[mcp_render_types.Response, mcp_render_types.Failure]
