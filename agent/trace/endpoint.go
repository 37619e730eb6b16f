package trace

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"dlx/fault"
)

// Endpoint takes spans by OTLP over HTTP (https://opentelemetry.io/docs/specs/otlp/#otlphttp).
type Endpoint struct {
	url    string
	header http.Header
	client *http.Client
}

// Bounds of an endpoint, which may be anything.
const (
	sendLimit  = 10 * time.Second // for one batch
	closeLimit = 2 * time.Second  // for the last one
	maxAnswer  = 64 << 10
)

// Variables of OpenTelemetry's that are read (OpenTelemetry Protocol Exporter, configuration
// options).
const (
	envEndpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
	envTracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	envHeaders        = "OTEL_EXPORTER_OTLP_HEADERS"
	envTracesHeaders  = "OTEL_EXPORTER_OTLP_TRACES_HEADERS"
	envDisabled       = "OTEL_SDK_DISABLED"
)

// ParseEndpoint is the endpoint at a base URL, to which /v1/traces is added, or at the one that
// OpenTelemetry's variables name where base is "". It is nil where nothing names one. Headers, such
// as a token, come from the variables alone.
func ParseEndpoint(base string, env func(string) string) (*Endpoint, error) {
	whole := ""
	if base == "" && !strings.EqualFold(env(envDisabled), "true") {
		whole, base = env(envTracesEndpoint), env(envEndpoint)
	}
	if whole == "" && base == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	u, err := url.Parse(cmp.Or(whole, base))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, fault.New(fault.BadRequest, "", "an endpoint of OTLP is http://HOST:PORT or https://HOST:PORT, with a path if need be")
	}
	if whole == "" {
		u = u.JoinPath("v1/traces")
	}
	header, err := parseHeaders(cmp.Or(env(envTracesHeaders), env(envHeaders)))
	if err != nil {
		return nil, err
	}
	header.Set("Content-Type", "application/x-protobuf")
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, MaxConnsPerHost: 1, IdleConnTimeout: time.Minute,
		ResponseHeaderTimeout: sendLimit, MaxResponseHeaderBytes: maxAnswer, ForceAttemptHTTP2: true,
	}
	// A redirection would have the header's token go to another host.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Endpoint{u.String(), header, &http.Client{Transport: transport, CheckRedirect: stay}}, nil
}

// parseHeaders reads KEY=VALUE,KEY=VALUE, percent-encoded. No error has a value in it.
func parseHeaders(text string) (http.Header, error) {
	header := http.Header{}
	for pair := range strings.SplitSeq(text, ",") {
		if pair = strings.TrimSpace(pair); pair == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		decoded, err := url.PathUnescape(strings.TrimSpace(value))
		key = strings.TrimSpace(key)
		if !ok || err != nil || !token(key) || strings.ContainsFunc(decoded, unicode.IsControl) {
			return nil, fault.New(fault.BadRequest, "", "%s is made of KEY=VALUE,KEY=VALUE", envHeaders)
		}
		header.Set(key, decoded)
	}
	return header, nil
}

// token says whether a text can be a header's name (RFC 9110, 5.6.2).
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

// errNotTaken reports an answer that is not 200 to 299.
var errNotTaken = errors.New("the endpoint does not take them")

// send sends a batch. Of what is answered no more is read than tells that the endpoint has ended.
func (e *Endpoint) send(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	req.Header = e.header
	resp, err := e.client.Do(req)
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection can be taken again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("send spans: %w: status %d", errNotTaken, resp.StatusCode)
	}
	return nil
}

func (e *Endpoint) close() { e.client.CloseIdleConnections() }
