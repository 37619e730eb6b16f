package applet

import (
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// transfer is what curl does for one URL.
type transfer struct {
	*curl
	client  *http.Client
	address string
	output  string

	times     times
	request   *http.Request
	response  *http.Response
	redirects int
	size      int64
	verified  int // ssl_verify_result
	first     *url.URL
	ctx       context.Context // -m's: it holds for redirects and the body together
	cancel    context.CancelFunc
}

// run fetches, again if it may, and prints what -w asks for, even after a failure.
func (t *transfer) run() error {
	began := time.Now()
	var err error
	for try := 0; ; try++ {
		err = t.fetch()
		wait := t.pause(try, err)
		if try >= t.retries || !t.again(err) || t.retryMax > 0 && time.Since(began)+wait > seconds(t.retryMax) {
			break
		}
		if !t.silent || t.showError {
			fmt.Fprintf(os.Stderr, "Warning: will retry in %v, %d retries left\n", wait, t.retries-try)
		}
		if t.response != nil {
			t.response.Body.Close()
		}
		time.Sleep(wait)
	}
	if err == nil {
		err = t.save()
	}
	t.times.total = time.Since(t.times.began)
	t.cancel()
	t.writeOut(err)
	return err
}

// again says whether an error or a response may pass, by curl's list (--retry in curl(1)).
func (t *transfer) again(err error) bool {
	if err == nil {
		return slices.Contains([]int{408, 429, 500, 502, 503, 504}, t.response.StatusCode)
	}
	code := status0(err)
	return t.retryAll || code == 28 || code == 6 || code == 7 && t.retryRefused && errors.Is(err, syscall.ECONNREFUSED)
}

// longestPause is curl's.
const longestPause = 10 * time.Minute

func (t *transfer) pause(try int, err error) time.Duration {
	if t.retryDelay > 0 {
		return seconds(t.retryDelay)
	}
	if err == nil {
		if after, aerr := strconv.Atoi(t.response.Header.Get("Retry-After")); aerr == nil && after > 0 {
			return min(time.Duration(after)*time.Second, longestPause)
		}
	}
	return min(time.Second<<min(try, 10), longestPause)
}

// fetch makes requests until there is a response that is not a redirect to be followed.
func (t *transfer) fetch() error {
	req, err := t.newRequest()
	if err != nil {
		return err
	}
	t.cancel()
	t.ctx, t.cancel = context.WithCancel(context.Background())
	if t.limit > 0 {
		t.ctx, t.cancel = context.WithTimeout(context.Background(), t.limit)
	}
	t.times, t.redirects, t.first = times{began: time.Now()}, 0, req.URL
	for {
		if err := t.roundTrip(req); err != nil {
			return err
		}
		to := t.response.Header.Get("Location")
		follow := t.follow || t.trusted
		if !follow || to == "" || t.response.StatusCode/100 != 3 {
			return nil
		}
		if t.maxRedirects >= 0 && t.redirects >= t.maxRedirects {
			return fail(47, "Maximum (%d) redirects followed", t.maxRedirects)
		}
		if t.include || t.head {
			if err := t.printHead(os.Stdout); err != nil {
				return err
			}
		}
		t.response.Body.Close()
		t.redirects++
		if req, err = t.redirected(req, to); err != nil {
			return err
		}
	}
}

func (t *transfer) roundTrip(req *http.Request) error {
	if cookies := t.store.header(req.URL, req.URL.Host == t.first.Host); cookies != "" {
		req.Header.Set("Cookie", cookies)
	}
	t.request, t.response = req, nil
	traced := req.WithContext(t.trace(t.ctx))
	res, err := t.client.Do(traced) //nolint:bodyclose // save, or what follows a redirect or comes before a retry, closes it
	if err != nil {
		return httpStatus(err)
	}
	t.response = res
	t.store.take(res)
	if t.verbose {
		t.printResponse()
	}
	return t.dumpHead()
}

// redirected is the request that follows. The body goes with 307 and 308 alone, and what is secret
// to the same host alone.
func (t *transfer) redirected(old *http.Request, to string) (*http.Request, error) {
	u, err := old.URL.Parse(to)
	if err != nil {
		return nil, fail(3, "redirect to %q: %w", to, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fail(1, "Protocol \"%s\" not supported or disabled in redirects", u.Scheme)
	}
	next := old.Clone(context.Background())
	next.URL, next.Host = u, u.Host
	next.Header.Del("Cookie")
	keep := t.response.StatusCode == http.StatusTemporaryRedirect || t.response.StatusCode == http.StatusPermanentRedirect
	if !keep {
		next.Body, next.GetBody, next.ContentLength = nil, nil, 0
		next.Header.Del("Content-Type")
		if t.method == "" && old.Method != http.MethodHead {
			next.Method = http.MethodGet
		}
	} else if old.GetBody != nil {
		if next.Body, err = old.GetBody(); err != nil {
			return nil, err
		}
	}
	if !t.trusted && (u.Host != t.first.Host || u.Scheme != t.first.Scheme) {
		next.Header.Del("Authorization")
	} else if hosts := old.Host; hosts != old.URL.Host && u.Host == old.URL.Host {
		next.Host = hosts
	}
	return next, nil
}

// content is the response's body, unpacked if --compressed asked for that.
func (t *transfer) content() (io.Reader, error) {
	if t.compressed {
		switch t.response.Header.Get("Content-Encoding") {
		case "gzip":
			return gzip.NewReader(t.response.Body)
		case "deflate":
			return zlib.NewReader(t.response.Body)
		}
	}
	return t.response.Body, nil
}
