package applet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// curl is one run of the applet: curl(1)'s everyday flags, and its exit statuses.
type curl struct {
	clientOptions
	method, user, agent, referer, format, dumpHeader string
	headers, outputs, urls, forms, cookies           []string
	data                                             []datum
	upload, jar, byteRange, bearer                   string
	remoteName, include, head, verbose, compressed   bool
	silent, showError, failHTTP, failBody, get       bool
	trusted                                          bool
	maxTime, connectTime, retryDelay, retryMax       float64
	retries                                          int
	retryRefused, retryAll                           bool

	store *cookieStore
}

func runCurl(args []string) error {
	c := &curl{}
	urls, err := flags("curl", args, c.define)
	if err != nil {
		return err
	}
	urls = append(c.urls, urls...)
	if len(urls) == 0 {
		return fail(exitUsage, "(2) no URL specified")
	}
	if err := c.prepare(); err != nil {
		return c.report(err)
	}
	options := c.clientOptions
	options.follow, options.limit = false, 0 // transfer does both
	client, err := newClient(options)
	if err != nil {
		return c.report(err)
	}
	defer client.CloseIdleConnections()
	var last error
	for i, u := range urls {
		t := &transfer{curl: c, client: client, address: u, cancel: func() {}}
		if i < len(c.outputs) {
			t.output = c.outputs[i]
		}
		// As with curl, the next URL follows even after a failure. The last one's status counts.
		if last != nil {
			_ = status("curl", c.report(last))
		}
		last = t.run()
	}
	if err := c.store.save(c.jar); err != nil && last == nil {
		last = err
	}
	return c.report(last)
}

// prepare reads what the flags name.
func (c *curl) prepare() (err error) {
	c.limit, c.connectLimit = seconds(c.maxTime), seconds(c.connectTime)
	if c.user != "" && !strings.Contains(c.user, ":") {
		if c.user, err = askPassword(c.user); err != nil {
			return err
		}
	}
	if name, ok := strings.CutPrefix(c.format, "@"); ok {
		text, err := readNamed(name)
		if err != nil {
			return fail(26, "%w", err)
		}
		c.format = string(text)
	}
	c.store, err = newCookieStore(c.cookies, c.jar != "")
	return err
}

// askPassword asks on the terminal, as curl does for -u USER; without one the password is empty.
func askPassword(user string) (string, error) {
	if !term.IsTerminal(0) {
		return user + ":", nil
	}
	fmt.Fprintf(os.Stderr, "Enter host password for user '%s':", user)
	password, err := term.ReadPassword(0)
	fmt.Fprintln(os.Stderr)
	return user + ":" + string(password), err
}

// report is the error as curl words it, "(7) Failed to connect ...", or none with -s.
func (c *curl) report(err error) error {
	if err == nil {
		return nil
	}
	code := status0(err)
	if c.silent && !c.showError {
		return &exitError{code: code}
	}
	return &exitError{code, fmt.Errorf("(%d) %w", code, err)}
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// readNamed reads a file, or standard input if it is "-".
func readNamed(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

// status0 is the exit status that an error carries.
func status0(err error) int {
	if exit, ok := errors.AsType[*exitError](err); ok {
		return exit.code
	}
	return 1
}
