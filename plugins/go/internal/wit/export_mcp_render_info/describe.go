//go:build wasip1

// Package export_mcp_render_info has what the generated code calls for the export `info`.
package export_mcp_render_info

import "render/internal/wit/mcp_render_info"

// Describe is the plugin's; package render sets it.
var Describe = func() mcp_render_info.PluginInfo {
	panic("there is no plugin: call render.Export in an init function of package main")
}
