// A CoreDNS with only the plugins a test cluster needs: the Kubernetes zone, and "no such name" for every other zone.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// The order in which plugins see a query; a plugin that is not listed cannot be used in the Corefile.
	dnsserver.Directives = []string{"bind", "log", "errors", "template", "kubernetes"}
	coremain.Run()
}
