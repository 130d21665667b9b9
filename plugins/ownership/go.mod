module github.com/mcp-operator/mcp-operator/plugins/ownership

go 1.26
