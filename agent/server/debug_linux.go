package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"sync"
	"syscall"
	"time"

	"dlx/agent/proto"
	"dlx/agent/proto/protoconnect"
	"dlx/agent/wire"
	"dlx/engine"
	"dlx/fault"
	"dlx/internal/pause"
	"dlx/target"
	"dlx/toolbox"
)

const (
	// closeLimit is how long a client may take to close its side once it was told the end.
	closeLimit = 5 * time.Second
	// cutLimit is how long a client may take nothing of work that is to end.
	cutLimit = 30 * time.Second
)

func (s handler) Debug(ctx context.Context, stream protoconnect.AgentDebugServerStream) error {
	g := guardOf(ctx)
	verb := string(engine.VerbDebug)
	first, err := opening(g, stream.Receive)
	if err != nil {
		return s.reject(ctx, verb, err)
	}
	start := first.GetStart()
	if start == nil {
		return s.reject(ctx, verb, fault.New(fault.BadRequest, "", noOpening))
	}
	req, err := wire.ToDebug(start.GetRequest())
	if err != nil {
		return s.reject(ctx, verb, err)
	}
	w := &Work{Verb: verb, Targets: []string{req.Target}, Reason: start.GetReason(), Stdin: start.GetStdin()}
	own, leave, err := s.begin(ctx, w)
	if err != nil {
		return told(err)
	}
	defer leave()
	defer pause.Behind(own, cutLimit, g.cut)()
	d := &debugging{stream: stream, work: w, sum: sha256.New(), resize: make(chan engine.WindowSize, 1), signals: make(chan syscall.Signal, maxSignals)}
	d.send(&proto.DebugOutput{Output: &proto.DebugOutput_Session{Session: w.ID}})
	streams := d.streams()
	w.now = engine.Streams{Stdout: output{d, proto.Output_OUTPUT_STDOUT}, Stderr: output{d, proto.Output_OUTPUT_STDERR}}
	if w.Stdin {
		d.input = newInput(d.credit)
		w.now.Stdin, streams.Stdin = d.input, viaStdin{w}
	}
	var receiver sync.WaitGroup
	receiver.Go(func() { d.receive(ctx) })
	code, err := s.o.Engine.Debug(own, req, streams)
	w.err = err
	d.end(code, err)
	defer time.AfterFunc(closeLimit, g.stopReading).Stop()
	d.input.close()
	receiver.Wait()
	return nil
}

// debugging is the agent's side of a session.
type debugging struct {
	stream protoconnect.AgentDebugServerStream
	work   *Work
	input  *input

	resize  chan engine.WindowSize
	signals chan syscall.Signal

	mu    sync.Mutex // of what follows, and of sending
	sum   hash.Hash  // of all output
	bytes uint64
	gone  [3]bool // whose reader has gone away, by proto.Output
	over  bool    // the end was told
}

// maxSignals is how many signals wait for a session that takes none.
const maxSignals = 16

// streams are the session's own.
func (d *debugging) streams() engine.Streams {
	say := func(m *proto.DebugOutput) { d.send(m) }
	return engine.Streams{
		Stdout:  viaStdout{d.work},
		Stderr:  viaStderr{d.work},
		Resize:  d.resize,
		Signals: d.signals,
		Started: func() {
			d.work.watch.Began()
			say(&proto.DebugOutput{Output: &proto.DebugOutput_Started{Started: true}})
		},
		Began: func() { say(&proto.DebugOutput{Output: &proto.DebugOutput_Began{Began: true}}) },
		Still: func(st *target.Still) {
			say(&proto.DebugOutput{Output: &proto.DebugOutput_Still{Still: wire.FromStill(st)}})
		},
		Placed: func(parts []toolbox.Part) {
			say(&proto.DebugOutput{Output: &proto.DebugOutput_Placed{Placed: &proto.Placed{Toolboxes: wire.Each(parts, wire.FromPart)}}})
		},
		LeftOut: func(names []string) {
			say(&proto.DebugOutput{Output: &proto.DebugOutput_LeftOut{LeftOut: &proto.LeftOut{Names: wire.Texts(names)}}})
		},
		Restrained: func(r engine.Restraints) {
			say(&proto.DebugOutput{Output: &proto.DebugOutput_Restrained{Restrained: wire.FromRestraints(r)}})
		},
		Held: func(n engine.HoldNews) {
			say(&proto.DebugOutput{Output: &proto.DebugOutput_Held{Held: wire.FromHoldNews(n)}})
		},
	}
}

// send sends a message, unless the end was told. A client that has gone away ends the session.
func (d *debugging) send(m *proto.DebugOutput) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sendLocked(m)
}

func (d *debugging) sendLocked(m *proto.DebugOutput) {
	if d.over {
		return
	}
	if err := d.stream.Send(m); err != nil {
		d.over = true
		d.work.cancel(errClientGone)
	}
}

var errClientGone = errors.New("the client has gone away")

func (d *debugging) credit(n int) {
	d.send(&proto.DebugOutput{Output: &proto.DebugOutput_StdinCredit{StdinCredit: uint64(n)}})
}

// end tells the end, which is the last message.
func (d *debugging) end(code int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	end := &proto.DebugEnd{Status: int32(code), Fault: wire.FromError(err), Bytes: d.bytes, Sha256: d.sum.Sum(nil)}
	d.sendLocked(&proto.DebugOutput{Output: &proto.DebugOutput_End{End: end}})
	d.over = true
}

// receive takes what the client sends until it closes its side.
func (d *debugging) receive(ctx context.Context) {
	for {
		m, err := d.stream.Receive()
		if err != nil {
			if !ended(err) || ctx.Err() != nil {
				d.work.cancel(errClientGone)
			}
			d.input.close()
			return
		}
		switch in := m.GetInput().(type) {
		case *proto.DebugInput_Stdin:
			if !d.input.put(in.Stdin) {
				d.work.cancel(errTooMuch)
			}
		case *proto.DebugInput_StdinEnd:
			d.input.close()
		case *proto.DebugInput_Resize:
			d.resizeTo(engine.WindowSize{Rows: uint16(in.Resize.GetRows()), Cols: uint16(in.Resize.GetCols())})
		case *proto.DebugInput_Signal:
			select {
			case d.signals <- syscall.Signal(in.Signal):
			default: // it takes none
			}
		case *proto.DebugInput_Cancel:
			d.work.cancel(wire.ErrByClient)
		case *proto.DebugInput_Gone:
			d.readerGone(in.Gone)
		}
	}
}

var errTooMuch = errors.New("the client sends more input than it may")

// resizeTo leaves the newest size to be taken.
func (d *debugging) resizeTo(size engine.WindowSize) {
	d.work.mu.Lock()
	record := d.work.resize
	d.work.size = size
	d.work.mu.Unlock()
	if record != nil {
		record(size)
	}
	select {
	case <-d.resize:
	default:
	}
	d.resize <- size // there is one sender
}

func (d *debugging) readerGone(stream proto.Output) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if stream > 0 && int(stream) < len(d.gone) {
		d.gone[stream] = true
	}
}

// output is the client's standard output or error.
type output struct {
	d      *debugging
	stream proto.Output
}

// maxOutput is how much of it a message has at most.
const maxOutput = 256 << 10

func (o output) Write(data []byte) (n int, err error) {
	for len(data) > 0 {
		part := data[:min(len(data), maxOutput)]
		if err := o.write(part); err != nil {
			return n, err
		}
		n += len(part)
		data = data[len(part):]
	}
	return n, nil
}

func (o output) write(part []byte) error {
	m := &proto.DebugOutput{Output: &proto.DebugOutput_Stdout{Stdout: part}}
	if o.stream == proto.Output_OUTPUT_STDERR {
		m = &proto.DebugOutput{Output: &proto.DebugOutput_Stderr{Stderr: part}}
	}
	d := o.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone[o.stream] || d.over {
		return syscall.EPIPE
	}
	if err := d.work.count(len(part)); err != nil {
		return err
	}
	d.sum.Write(part)
	d.bytes += uint64(len(part))
	d.sendLocked(m)
	return nil
}
