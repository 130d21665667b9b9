//go:build !wasip1

package render

import (
	"fmt"
	"os"
)

func export(Info, func(Request) (Response, error)) {}

func log(_ Level, message string) { fmt.Fprintln(os.Stderr, message) }
