package shell

import (
	"path"
	"strings"
)

// A session's tools believe a container's variables: which module to load (GCONV_PATH,
// OPENSSL_CONF, PYTHONPATH), which program to run (PAGER, LESSOPEN), which file to read (BASH_ENV,
// CURL_HOME). Nobody knows all of them. So only variables pass that every program takes for a word,
// a number or an address.

// harmlessNames are let through as they are.
var harmlessNames = map[string]bool{
	"HOSTNAME":   true,
	"http_proxy": true, "https_proxy": true, "ftp_proxy": true, "all_proxy": true, "no_proxy": true, // curl(1)
	"HTTP_PROXY": true, "HTTPS_PROXY": true, "FTP_PROXY": true, "ALL_PROXY": true, "NO_PROXY": true,
	"PGHOST": true, "PGPORT": true, "PGUSER": true, "PGDATABASE": true, "PGPASSWORD": true, // psql(1)
	"REDISCLI_AUTH": true, "MYSQL_HOST": true, "MYSQL_TCP_PORT": true, "MYSQL_PWD": true,
	"POD_NAME": true, "POD_NAMESPACE": true, "POD_IP": true, "HOST_IP": true, "NODE_NAME": true, "NAMESPACE": true,
}

// serviceSuffixes end the names of what Kubernetes and Docker tell of services.
var serviceSuffixes = []string{
	"_SERVICE_HOST", "_SERVICE_PORT", "_PORT", "_TCP", "_TCP_ADDR", "_TCP_PORT", "_TCP_PROTO", "_UDP", "_UDP_ADDR", "_UDP_PORT", "_UDP_PROTO",
}

// harmless returns what a toolbox session gets of a container's variable.
func harmless(name, value string) (string, bool) {
	switch {
	case name == "PATH":
		return absolute(value), true
	case name == "TZ":
		return value, isZone(value)
	case harmlessNames[name], isService(name):
		return value, isLine(value)
	}
	return "", false
}

// absolute leaves out of a PATH what depends on the working directory.
func absolute(list string) string {
	var kept []string
	for dir := range strings.SplitSeq(list, ":") {
		if path.IsAbs(dir) {
			kept = append(kept, dir)
		}
	}
	return strings.Join(kept, ":")
}

// isZone says whether a time zone is given by its rule or its name: it could be any file by its
// path (tzset(3)).
func isZone(value string) bool {
	return value != "" && !strings.HasPrefix(value, ":") && !path.IsAbs(value) && !strings.Contains(value, "..") && isLine(value)
}

func isService(name string) bool {
	if !isUpper(name) {
		return false
	}
	if before, port, ok := strings.Cut(name, "_SERVICE_PORT_"); ok {
		return before != "" && port != ""
	}
	for _, suffix := range serviceSuffixes {
		if len(name) > len(suffix) && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

func isUpper(name string) bool {
	for _, c := range name {
		if c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isLine says whether a value has no control bytes, which a terminal would follow.
func isLine(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f })
}
