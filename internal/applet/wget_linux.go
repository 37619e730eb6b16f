package applet

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"dlx/internal/printable"
)

// runWget is wget(1)'s everyday part; busybox's own does not check certificates.
func runWget(args []string) error {
	var output string
	var quiet, server, spider bool
	var seconds float64
	o := clientOptions{follow: true}
	urls, err := flags("wget", args, func(f *pflag.FlagSet) {
		f.StringVarP(&output, "output-document", "O", "", "write to a file, - for standard output")
		f.BoolVarP(&quiet, "quiet", "q", false, "no messages")
		f.BoolVarP(&server, "server-response", "S", false, "print the response's headers")
		f.BoolVar(&spider, "spider", false, "ask whether it is there, and load nothing")
		f.Float64VarP(&seconds, "timeout", "T", 0, "seconds for all of it")
		f.BoolVar(&o.insecure, "no-check-certificate", false, "take any certificate")
		f.StringVar(&o.caFile, "ca-certificate", "", "trust the roots in a file instead of the bundled ones")
	})
	if err != nil {
		return err
	}
	if len(urls) == 0 {
		return fail(exitUsage, "no URL given")
	}
	o.limit = time.Duration(seconds * float64(time.Second))
	client, err := newClient(o)
	if err != nil {
		return err
	}
	for _, u := range urls {
		if err := wget(client, u, output, quiet, server, spider); err != nil {
			return err
		}
	}
	return nil
}

func wget(client *http.Client, address, output string, quiet, server, spider bool) error {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	method := http.MethodGet
	if spider {
		method = http.MethodHead
	}
	req, err := http.NewRequest(method, address, nil)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	req.Header.Set("User-Agent", "Wget (dlx)")
	res, err := client.Do(req)
	if err != nil {
		return &exitError{4, err}
	}
	defer res.Body.Close()
	if server {
		fmt.Fprintf(os.Stderr, "  %s %s\n", res.Proto, printable.Escape(res.Status))
		printHeaders(os.Stderr, "  ", res.Header)
	}
	if res.StatusCode >= 400 {
		return fail(8, "the server answered %s", printable.Escape(res.Status))
	}
	if spider {
		return nil
	}
	if output == "" {
		if output = path.Base(res.Request.URL.Path); output == "/" || output == "." {
			output = "index.html"
		}
	}
	out := os.Stdout
	if output != "-" {
		if out, err = os.Create(output); err != nil {
			return fail(3, "%w", err)
		}
		defer out.Close()
	}
	n, err := io.Copy(out, res.Body)
	if err != nil {
		return &exitError{4, err}
	}
	if !quiet && output != "-" {
		fmt.Fprintf(os.Stderr, "%s: %d bytes\n", output, n)
	}
	return nil
}

// hostOf is the host of an address, or the address itself if it has no port.
func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}
