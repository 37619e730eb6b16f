package toolbox

import "strings"

// purlEscape writes characters in versions as a package URL does (ECMA-427, 5.4).
var purlEscape = strings.NewReplacer("%", "%25", "+", "%2B", "?", "%3F", "#", "%23", "@", "%40", " ", "%20")

// DebURL is the package URL of a package of Debian's. arch is as in dpkg(1), or "source"; "" if it
// is not known.
func DebURL(name, version, arch string) string {
	url := "pkg:deb/debian/" + purlEscape.Replace(name) + "@" + purlEscape.Replace(version)
	if arch != "" {
		url += "?arch=" + arch
	}
	return url
}

// GoURL is the package URL of a Go module; package URLs have module paths in lower case.
func GoURL(path, version string) string {
	return "pkg:golang/" + purlEscape.Replace(strings.ToLower(path)) + "@" + purlEscape.Replace(version)
}
