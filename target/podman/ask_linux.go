package podman

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dlx/fault"
)

// api is where the API begins, in the oldest version that Podman 4 and 5 speak
// (version/version.go).
const api = "/v4.0.0/libpod"

// A Podman may hang, and that of a user may be anything at all.
const (
	requestLimit = 20 * time.Second // each question
	headerLimit  = 64 << 10         // the head of an answer
	answerLimit  = 16 << 20         // the rest of it: a container takes 0.6 kB of a list, 6 kB by itself
	userLimit    = 4 << 20          // the same of a user's; JSON can take 20 times its length when parsed
	eventLimit   = 1 << 20          // one event, which has the container's labels
	errorLimit   = 4 << 10          // why something is refused, or what nobody reads
)

// errTooLong reports an answer that does not end.
var errTooLong = errors.New("the answer is too long")

// answerError is an answer that is none.
type answerError struct {
	status int
	text   string
}

func (e *answerError) Error() string {
	return fmt.Sprintf("podman answers %d: %.200q", e.status, e.text)
}

// refused says whether an error is an answer of a status.
func refused(err error, status int) bool {
	answer, ok := errors.AsType[*answerError](err)
	return ok && answer.status == status
}

// ask asks Podman something, and has the answer read within limits of time and bytes. It is there
// as a whole before it is parsed: a json.Decoder looks at what it has again whenever a little more
// comes.
func (r *Runtime) ask(ctx context.Context, what, path string, most int, read func(version string, answer []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	r.use.RLock()
	defer r.use.RUnlock()
	defer context.AfterFunc(r.ctx, cancel)()
	version, body, err := r.get(ctx, path)
	if err != nil {
		return explain(what, err)
	}
	answer, err := io.ReadAll(&limited{body, most})
	if err = errors.Join(err, body.Close()); err != nil && ctx.Err() != nil {
		err = ctx.Err() // and not that the connection was closed for that
	}
	if err == nil {
		err = read(version, answer)
	}
	return explain(what, err)
}

// explain says what was attempted, unless the error says where it failed.
func explain(what string, err error) error {
	if err == nil || fault.Of(err) != nil {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// get asks a question. It returns Podman's version, which is in the head of each answer, and the
// rest of the answer. Of another runtime it is a fault.NoRuntime.
func (r *Runtime) get(ctx context.Context, path string) (version string, body io.ReadCloser, err error) {
	if r.ctx.Err() != nil {
		return "", nil, fmt.Errorf("the runtime was closed: %w", r.ctx.Err())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://podman"+path, nil)
	if err != nil {
		return "", nil, err
	}
	res, err := r.http.RoundTrip(req) // which follows nothing
	if err != nil {
		return "", nil, err
	}
	if version = res.Header.Get("Libpod-Api-Version"); !plain(version, maxVersion) {
		err = fault.New(fault.NoRuntime, r.options.Socket, "what answers at %s is not Podman", r.options.Socket)
		return "", nil, errors.Join(err, res.Body.Close())
	}
	if res.StatusCode != http.StatusOK {
		return "", nil, errors.Join(readError(res.StatusCode, res.Body), res.Body.Close())
	}
	return version, res.Body, nil
}

// maxVersion is longer than any version's text is, such as 5.0.0-dev.
const maxVersion = 64

// readError takes the text out of an answer of a status that is none of success. Any will do.
func readError(status int, body io.Reader) error {
	text, _ := io.ReadAll(io.LimitReader(body, errorLimit))
	var answer struct{ Message string }
	if json.Unmarshal(text, &answer) == nil && answer.Message != "" {
		text = []byte(answer.Message)
	}
	return &answerError{status, string(text)}
}

// limited is a reader whose end has to come.
type limited struct {
	r    io.Reader
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errTooLong
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
