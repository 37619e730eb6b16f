package audit

import (
	"context"
	"fmt"
	"sync/atomic"
)

// sender gives checkpoints to a sink, which nothing waits for unless it is required.
type sender struct {
	o      *Options
	queue  chan []byte // nil if there is nothing to wait for
	done   chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	unsent atomic.Uint64
}

// maxUnsent is how many checkpoints wait for a sink.
const maxUnsent = 16

func newSender(o *Options) *sender {
	s := &sender{o: o}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if o.Sink != nil && !o.SinkRequired {
		s.queue, s.done = make(chan []byte, maxUnsent), make(chan struct{})
		go s.run()
	}
	return s
}

func (s *sender) run() {
	defer close(s.done)
	for line := range s.queue {
		_ = s.give(line) // counted
	}
}

func (s *sender) give(line []byte) error {
	ctx, cancel := context.WithTimeout(s.ctx, s.o.SinkLimit)
	defer cancel()
	err := s.o.Sink(ctx, line)
	if err != nil {
		s.unsent.Add(1)
		err = fmt.Errorf("%w: %w", ErrSink, err)
	}
	return err
}

// send gives a line to the sink. Its error is that of one that is required.
func (s *sender) send(line []byte) error {
	switch {
	case s.o.Sink == nil:
		return nil
	case s.o.SinkRequired:
		return s.give(line)
	}
	select {
	case s.queue <- line:
	default:
		s.unsent.Add(1)
	}
	return nil
}

// close gives what waits as much time as one line has.
func (s *sender) close() {
	defer s.cancel()
	if s.queue == nil {
		return
	}
	close(s.queue)
	limit, cancel := context.WithTimeout(context.Background(), s.o.SinkLimit)
	defer cancel()
	select {
	case <-s.done:
	case <-limit.Done():
		s.cancel()
		<-s.done
	}
}
