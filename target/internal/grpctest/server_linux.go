package grpctest

import (
	"dlx/internal/testutil"
	"encoding/binary"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Server answers at a socket, until the test ends. What it is asked is SERVICE/METHOD without the
// package's name, and a namespace of containerd's behind a space.
type Server struct {
	Socket  string
	Answers map[string][][]byte // the messages of each answer; what has none is NotFound
	Status  map[string]string   // of gRPC's, of those that end with another than OK
	Hangs   string              // what is never ended
	Hung    chan struct{}       // that it was asked
	Gate    chan struct{}       // before what hangs sends its messages; nil: it is open

	mu    sync.Mutex
	asked []string
}

// Serve starts one.
func Serve(t testing.TB, answers map[string][][]byte) *Server {
	t.Helper()
	s := &Server{Answers: answers, Hung: make(chan struct{}, 1)}
	s.Socket = testutil.ServeHTTP2(t, s)
	return s
}

// Set changes an answer. One without messages is NotFound.
func (s *Server) Set(question string, messages ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Answers[question] = messages
	if len(messages) == 0 {
		delete(s.Answers, question)
	}
}

// ServeHTTP answers. An answer that hangs has sent its messages, if there are any.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, method, _ := strings.Cut(r.URL.Path, ".v1.")
	question := strings.TrimSpace(method + " " + r.Header.Get("Containerd-Namespace"))
	s.mu.Lock()
	s.asked = append(s.asked, question)
	messages, known := s.Answers[question]
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/grpc")
	if question == s.Hangs && s.Gate != nil {
		select {
		case <-s.Gate:
		case <-r.Context().Done():
		}
	}
	status := s.Status[question]
	switch {
	case status == "" && !known:
		status = "5"
	case status == "":
		status = "0"
	}
	for _, m := range messages {
		head := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(m)))
		if _, err := w.Write(append(head, m...)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
	if question == s.Hangs {
		s.Hung <- struct{}{}
		<-r.Context().Done()
		return
	}
	if len(messages) == 0 {
		w.Header().Set("Grpc-Status", status)
		return
	}
	w.Header().Set(http.TrailerPrefix+"Grpc-Status", status)
}

// TakeAsked is what was asked since it was asked last.
func (s *Server) TakeAsked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}
