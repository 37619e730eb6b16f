package build

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"dlx/toolbox"
)

// license keeps a package's copyright file in the toolbox and returns what it says, as an SPDX
// expression. The package's source is s. The file is this machine's unless read is given.
func (m *maker) license(s toolbox.Source, file string, read func(string) ([]byte, error)) string {
	if read == nil {
		read = os.ReadFile
	}
	text, err := read(file)
	if err != nil {
		m.note("%s has no copyright file", s.Package)
		return "NOASSERTION"
	}
	s.License = spdx(s.Package, string(text))
	if p := "share/licenses/" + s.Package; !m.paths[p] {
		m.paths[p] = true
		m.Add(p, text, 0o644, s)
	}
	return s.License
}

// The expressions are compiled when they are first used: dlx has them, and seldom makes a toolbox.
var (
	licenseLine  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^License:[ \t]*(\S.*)$`) })
	notReference = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9.-]+`) })
)

// spdxNames are SPDX's names of licences that Debian's copyright files name otherwise (DEP-5, 7.2).
var spdxNames = map[string]string{
	"Expat": "MIT", "MIT": "MIT", "ISC": "ISC", "Zlib": "Zlib", "zlib": "Zlib", "Apache-2.0": "Apache-2.0", "Artistic": "Artistic-1.0-Perl",
	"BSD-2-clause": "BSD-2-Clause", "BSD-3-clause": "BSD-3-Clause", "BSD-4-clause": "BSD-4-Clause", "CC0-1.0": "CC0-1.0", "CC0": "CC0-1.0",
	"GPL-1": "GPL-1.0-only", "GPL-1+": "GPL-1.0-or-later", "GPL-2": "GPL-2.0-only", "GPL-2+": "GPL-2.0-or-later", "GPL-3": "GPL-3.0-only",
	"GPL-3+": "GPL-3.0-or-later", "LGPL-2": "LGPL-2.0-only", "LGPL-2+": "LGPL-2.0-or-later", "LGPL-2.1": "LGPL-2.1-only", "LGPL-2.1+": "LGPL-2.1-or-later",
	"LGPL-3": "LGPL-3.0-only", "LGPL-3+": "LGPL-3.0-or-later", "MPL-2.0": "MPL-2.0", "OpenSSL": "OpenSSL", "Unlicense": "Unlicense", "curl": "curl",
}

// spdx is what a copyright file says, all of its licences together. Those that SPDX does not name
// are references to the file itself.
func spdx(pkg, text string) string {
	if !strings.HasPrefix(text, "Format:") {
		return "LicenseRef-" + notReference().ReplaceAllString(pkg, "-")
	}
	var list []string
	for _, match := range licenseLine().FindAllStringSubmatch(text, -1) {
		for part := range strings.SplitSeq(match[1], " and ") {
			part = strings.TrimSpace(part)
			name := spdxNames[part]
			if name == "" {
				name = "LicenseRef-" + strings.Trim(notReference().ReplaceAllString(part, "-"), "-")
			}
			list = append(list, name)
		}
	}
	slices.Sort(list)
	list = slices.Compact(list)
	if len(list) == 0 {
		return "LicenseRef-" + notReference().ReplaceAllString(pkg, "-")
	}
	return strings.Join(list, " AND ")
}
