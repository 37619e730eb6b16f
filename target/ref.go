package target

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"dlx/fault"
)

// Ref is a parsed TARGET.
type Ref struct {
	Scheme string // a runtime's, or "" for any
	Name   string // a name, an ID or a prefix of one; for pid a number, for netns a name or a path
}

func (r Ref) String() string {
	if r.Scheme == "" {
		return r.Name
	}
	return r.Scheme + "://" + r.Name
}

// PIDScheme names processes of this host by their numbers.
const PIDScheme = "pid"

// NetNSScheme names network namespaces of this host by their names or paths.
const NetNSScheme = "netns"

// ImageScheme names images of runtimes.
const ImageScheme = "image"

// schemes are those that there can be; which of them are here is for the Set to say.
var schemes = []string{"docker", containerdScheme, podmanScheme, "crio", PIDScheme, NetNSScheme, ImageScheme}

// containerdScheme's names may have a namespace in front, NAMESPACE/ID, and podmanScheme's the
// user's number whose Podman it is, UID/NAME.
const (
	containerdScheme = "containerd"
	podmanScheme     = "podman"
)

// isUser says whether text is a user's number, in the one way to write it.
func isUser(text string) bool {
	n, err := strconv.ParseUint(text, 10, 32)
	return err == nil && strconv.FormatUint(n, 10) == text
}

// owned takes a name apart that says whose Podman is meant.
func (r Ref) owned() (owner int, name string, ok bool) {
	user, name, ok := strings.Cut(r.Name, "/")
	if !ok || r.Scheme != podmanScheme {
		return 0, r.Name, false
	}
	owner, err := strconv.Atoi(user)
	return owner, name, err == nil
}

// maxRef is longer than any runtime's names are.
const maxRef = 256

// ParseRef parses a TARGET; what can not be one is a fault.BadTarget.
func ParseRef(s string) (Ref, error) {
	scheme, name, ok := strings.Cut(s, "://")
	if !ok {
		scheme, name = "", s
	}
	switch {
	case ok && !slices.Contains(schemes, scheme):
		return Ref{}, badTarget(s, "no such scheme "+strconv.Quote(scheme))
	case name == "":
		return Ref{}, badTarget(s, "no name")
	case len(name) > maxRef:
		return Ref{}, badTarget(s[:32]+"...", "too long")
	case scheme == PIDScheme:
		if n, err := strconv.Atoi(name); err != nil || n <= 0 {
			return Ref{}, badTarget(s, "not a process ID")
		}
	}
	check := checkName
	switch scheme {
	case NetNSScheme:
		check = checkNetNS
	case ImageScheme:
		check = checkImage
	case containerdScheme:
		check = checkInNamespace
	case podmanScheme:
		check = checkOfUser
	case PIDScheme:
		return Ref{scheme, name}, nil
	}
	if err := check(s, name); err != nil {
		return Ref{}, err
	}
	return Ref{scheme, name}, nil
}

// checkInNamespace takes a name with a namespace in front, or without.
func checkInNamespace(text, name string) error {
	if namespace, id, ok := strings.Cut(name, "/"); ok && namespace != "" && id != "" {
		name = namespace + id
	}
	return checkName(text, name)
}

// checkOfUser wants a name, maybe with a user's number in front: UID/NAME.
func checkOfUser(text, name string) error {
	if user, rest, ok := strings.Cut(name, "/"); ok && isUser(user) && rest != "" {
		name = rest
	}
	return checkName(text, name)
}

func checkName(text, name string) error {
	if strings.ContainsFunc(name, notInNames) {
		return badTarget(text, "names consist of letters, digits, '_', '.' and '-'")
	}
	return nil
}

// checkNetNS takes a plain name, or an absolute path without detours.
func checkNetNS(text, name string) error {
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return badTarget(text, "a control character")
	case strings.HasPrefix(name, "/") && (path.Clean(name) != name || name == "/"):
		return badTarget(text, "not a clean path")
	case !strings.HasPrefix(name, "/") && (strings.ContainsAny(name, "/ ") || name == "." || name == ".."):
		return badTarget(text, "a network namespace has a name, or an absolute path")
	}
	return nil
}

// splitImage takes RUNTIME:// off the reference of an image.
func splitImage(name string) (scheme, ref string) {
	if scheme, ref, ok := strings.Cut(name, "://"); ok {
		return scheme, ref
	}
	return "", name
}

// checkImage takes what references of images consist of (github.com/distribution/reference), with
// which no path of a runtime's API leads elsewhere.
func checkImage(text, name string) error {
	scheme, ref := splitImage(name)
	if scheme != "" && (!slices.Contains(schemes, scheme) || scheme == PIDScheme || scheme == NetNSScheme || scheme == ImageScheme) {
		return badTarget(text, "no such runtime "+strconv.Quote(scheme))
	}
	if strings.ContainsFunc(ref, func(r rune) bool { return notInNames(r) && !strings.ContainsRune("/:@+", r) }) {
		return badTarget(text, "images have names of letters, digits and '_.-/:@+'")
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || strings.HasPrefix(part, ".") {
			return badTarget(text, "not the name of an image")
		}
	}
	return nil
}

func badTarget(text, why string) error {
	return fault.New(fault.BadTarget, text, "bad target %q: %s", text, why)
}

func notInNames(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == '-':
		return false
	}
	return true
}
