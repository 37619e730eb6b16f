package naming

import "strings"

// maxName is longer than the names and IDs of runtimes are; containerd's have 76 characters
// (identifiers/validate.go).
const maxName = 256

// Plain says whether a name or an ID of a runtime's is one that can be asked for, be a header's
// value and one element of a path.
func Plain(name string) bool {
	if name == "" || len(name) > maxName || strings.IndexByte("._-", name[0]) >= 0 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == '-':
			return false
		}
		return true
	})
}
