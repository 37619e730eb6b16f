package applet

import (
	"crypto/tls"

	"github.com/spf13/pflag"
)

func (c *curl) define(f *pflag.FlagSet) {
	c.defineRequest(f)
	c.defineOutput(f)
	c.defineConnection(f)
	c.defineTLS(f)
	// These say what is so without them, and command lines that are pasted have them.
	for _, b := range []struct{ name, letter, so string }{
		{"no-progress-meter", "", "there is none"}, {"globoff", "g", "brackets and braces in URLs stand for themselves"},
		{"tcp-nodelay", "", "TCP is never told to wait for more"}, {"path-as-is", "", "dots in a URL's path stay"},
		{"no-styled-output", "", "headers are never bold"}, {"disable", "q", "no configuration file is read"},
		{"no-buffer", "N", "output is never held back"},
	} {
		f.BoolP(b.name, b.letter, false, "makes no difference: "+b.so)
	}
}

func (c *curl) defineRequest(f *pflag.FlagSet) {
	f.StringVarP(&c.method, "request", "X", "", "method")
	f.StringArrayVarP(&c.headers, "header", "H", nil, "a header, NAME: VALUE, or @FILE of them")
	data := func(name, short, usage string, kind dataKind) { f.VarP(&dataFlag{kind, &c.data}, name, short, usage) }
	data("data", "d", "send data, or @FILE without its line ends", dataLines)
	data("data-ascii", "", "the same", dataLines)
	data("data-raw", "", "send data as it is", dataRaw)
	data("data-binary", "", "send data, or @FILE as it is", dataBinary)
	data("data-urlencode", "", "send data, percent-encoded", dataEncoded)
	data("json", "", "send data as application/json", dataJSON)
	f.StringArrayVarP(&c.forms, "form", "F", nil, "a field of a form, NAME=VALUE, NAME=@FILE or NAME=<FILE")
	f.StringVarP(&c.upload, "upload-file", "T", "", "PUT a file, - for standard input")
	f.BoolVarP(&c.get, "get", "G", false, "put the data into the URL")
	f.BoolVarP(&c.head, "head", "I", false, "ask for the headers alone")
	f.StringVarP(&c.user, "user", "u", "", "USER:PASSWORD")
	f.StringVar(&c.bearer, "oauth2-bearer", "", "bearer token")
	f.StringVarP(&c.agent, "user-agent", "A", "curl/8 (dlx)", "user agent")
	f.StringVarP(&c.referer, "referer", "e", "", "referer")
	f.StringArrayVarP(&c.cookies, "cookie", "b", nil, "cookies, NAME=VALUE; or a file of them")
	f.StringVarP(&c.jar, "cookie-jar", "c", "", "write the cookies to a file afterwards")
	f.StringVarP(&c.byteRange, "range", "r", "", "these bytes alone, such as 0-99")
	f.BoolVar(&c.compressed, "compressed", false, "ask for gzip or deflate, and unpack it")
	f.StringArrayVar(&c.urls, "url", nil, "URL")
}

func (c *curl) defineOutput(f *pflag.FlagSet) {
	f.StringArrayVarP(&c.outputs, "output", "o", nil, "write to a file; once for each URL")
	f.BoolVarP(&c.remoteName, "remote-name", "O", false, "write to a file of the URL's name")
	f.BoolVarP(&c.include, "include", "i", false, "print the response's headers too")
	f.StringVarP(&c.dumpHeader, "dump-header", "D", "", "write the headers to a file")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "tell what is going on")
	f.BoolVarP(&c.silent, "silent", "s", false, "no error messages")
	f.BoolVarP(&c.showError, "show-error", "S", false, "error messages in spite of -s")
	f.BoolVarP(&c.failHTTP, "fail", "f", false, "status 22 for a response of 400 and above")
	f.BoolVar(&c.failBody, "fail-with-body", false, "the same, and print the response")
	f.StringVarP(&c.format, "write-out", "w", "", "print %{http_code} and its like afterwards, or @FILE of them")
}

func (c *curl) defineConnection(f *pflag.FlagSet) {
	f.BoolVarP(&c.v4, "ipv4", "4", false, "IPv4")
	f.BoolVarP(&c.v6, "ipv6", "6", false, "IPv6")
	f.BoolVarP(&c.follow, "location", "L", false, "follow redirects")
	f.BoolVar(&c.trusted, "location-trusted", false, "follow redirects, and send the password to other hosts too")
	f.IntVar(&c.maxRedirects, "max-redirs", defaultRedirects, "follow so many at most, -1 for any number")
	f.StringVarP(&c.proxy, "proxy", "x", "", "[http|https|socks5|socks5h://]HOST[:PORT]")
	f.StringVarP(&c.proxyUser, "proxy-user", "U", "", "USER:PASSWORD for the proxy")
	f.StringVar(&c.noProxy, "noproxy", "", "hosts to reach without the proxy")
	f.StringArrayVar(&c.resolve, "resolve", nil, "HOST:PORT:ADDRESS, instead of asking DNS")
	f.StringArrayVar(&c.connectTo, "connect-to", nil, "HOST1:PORT1:HOST2:PORT2, connect to the second")
	f.StringVar(&c.unixSocket, "unix-socket", "", "connect to a unix socket")
	f.StringVar(&c.abstractSocket, "abstract-unix-socket", "", "connect to an abstract unix socket")
	f.StringVar(&c.source, "interface", "", "interface or address to connect from")
	f.Float64VarP(&c.maxTime, "max-time", "m", 0, "seconds for all of it")
	f.Float64Var(&c.connectTime, "connect-timeout", 0, "seconds for connecting")
	f.IntVar(&c.retries, "retry", 0, "try so many times again after what may pass")
	f.Float64Var(&c.retryDelay, "retry-delay", 0, "seconds between them (default: 1, 2, 4, ...)")
	f.Float64Var(&c.retryMax, "retry-max-time", 0, "seconds after which no more is tried")
	f.BoolVar(&c.retryRefused, "retry-connrefused", false, "a refused connection may pass too")
	f.BoolVar(&c.retryAll, "retry-all-errors", false, "every error may pass")
	f.BoolVarP(&c.http1, "http1.1", "", false, "no HTTP/2")
	f.Bool("http2", false, "makes no difference: HTTP/2 is spoken where the server has it")
	f.BoolVar(&c.priorHTTP2, "http2-prior-knowledge", false, "HTTP/2 without TLS")
}

func (c *curl) defineTLS(f *pflag.FlagSet) {
	f.BoolVarP(&c.insecure, "insecure", "k", false, "take any certificate")
	f.StringVar(&c.caFile, "cacert", "", "trust the roots in a file instead of the bundled ones")
	f.StringVarP(&c.certFile, "cert", "E", "", "client certificate")
	f.StringVar(&c.keyFile, "key", "", "its key")
	for name, version := range map[string]uint16{"tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13} {
		f.BoolFunc(name, tls.VersionName(version)+" or later", func(string) error {
			c.minTLS = version
			return nil
		})
	}
	f.StringVar(&c.maxTLS, "tls-max", "", "highest version of TLS: 1.2 or 1.3")
}
