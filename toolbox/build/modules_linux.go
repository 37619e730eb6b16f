package build

import (
	"encoding/base64"
	"encoding/hex"
	"runtime/debug"
	"strings"

	"dlx/toolbox"
)

// Modules are what a Go program is made of besides its own module: the other modules, and Go's
// standard library.
func Modules(info *debug.BuildInfo) []toolbox.Source {
	compiler := "Go " + strings.TrimPrefix(info.GoVersion, "go")
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ") // experiments come after a blank
	list := []toolbox.Source{{
		Package: "std", Version: version, Origin: "standard library of " + info.GoVersion, License: "BSD-3-Clause",
		URL: toolbox.GoURL("std", version), Compiler: compiler,
	}}
	for _, m := range info.Deps {
		list = append(list, module(m, info.GoVersion))
	}
	return list
}

// module is the source of one module, or of what it was replaced by.
func module(m *debug.Module, goVersion string) toolbox.Source {
	if m.Replace != nil {
		m = m.Replace
	}
	return toolbox.Source{
		Package: m.Path, Version: m.Version, Origin: "Go module, " + m.Sum + ", built with " + goVersion, License: "NOASSERTION",
		URL: toolbox.GoURL(m.Path, m.Version), Digest: moduleDigest(m.Sum), Compiler: "Go " + strings.TrimPrefix(goVersion, "go"),
	}
}

// moduleDigest is the SHA-256 that a module's sum in go.sum has behind h1
// (golang.org/x/mod/sumdb/dirhash), "" if it has none.
func moduleDigest(sum string) string {
	encoded, ok := strings.CutPrefix(sum, "h1:")
	if !ok {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 32 {
		return ""
	}
	return hex.EncodeToString(raw)
}
