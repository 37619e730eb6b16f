package printer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"dlx/capture/dissect"
	"dlx/capture/pcapng"
	"dlx/capture/process"
	"dlx/capture/replay"
	"dlx/internal/names"
	"dlx/internal/printable"
	"dlx/internal/printer/job"
)

// Show does a job. It takes packets apart, so it has to run without privileges, unless the file is
// the user's own. It returns what is to be noted besides. A wrong filter is a *filter.Error.
func Show(ctx context.Context, from io.Reader, to io.Writer, j *job.Job) (notes []string, err error) {
	return show(ctx, from, to, j, func() error { return nil })
}

// show is Show, with confine called before the first byte of the file is read.
func show(ctx context.Context, from io.Reader, to io.Writer, j *job.Job, confine func() error) (notes []string, err error) {
	f, err := replay.NewFilter(j.Filter, names.New(ctx))
	if err != nil {
		return nil, err
	}
	service := names.Services()
	if err := confine(); err != nil {
		return nil, fmt.Errorf("give up what printing packets does not take: %w", err)
	}
	r, err := replay.Open(from)
	if err != nil {
		return nil, err
	}
	keep := func(p *pcapng.Packet, i pcapng.Interface) bool { return f.Match(p, i.LinkType) }
	if j.Copy {
		w := bufio.NewWriterSize(to, 1<<18)
		_, err = replay.Copy(w, r, keep, j.Count)
		err = errors.Join(err, w.Flush())
	} else {
		s := newScreen(to, r, j, service)
		err = errors.Join(s.all(keep), s.w.Flush())
	}
	if err != nil {
		return nil, err
	}
	return f.Err()
}

// screen prints the packets of a file.
type screen struct {
	job       *job.Job
	r         *pcapng.Reader
	w         *bufio.Writer
	p         *dissect.Printer
	service   func(port uint16, protocol uint8) string
	processes map[uint32]string // by their numbers on the host
}

func newScreen(to io.Writer, r *pcapng.Reader, j *job.Job, service func(uint16, uint8) string) *screen {
	return &screen{job: j, r: r, w: bufio.NewWriter(to), service: service, processes: map[uint32]string{}}
}

// maxProcesses is how many processes are remembered.
const maxProcesses = 1 << 16

// all prints every packet that is to be kept, at once when there is nothing more to read.
func (s *screen) all(keep func(*pcapng.Packet, pcapng.Interface) bool) error {
	for printed := uint64(0); s.job.Count == 0 || printed < s.job.Count; {
		p, err := s.r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if s.p == nil {
			s.p = dissect.New(s.options())
		}
		i := s.r.Interface(&p)
		s.note(&p)
		if keep(&p, i) {
			printed++
			if err := s.print(&p, &i); err != nil {
				return err
			}
		}
		if !s.r.Buffered() {
			if err := s.w.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// options are the printer's. Files of dlx have room for processes.
func (s *screen) options() dissect.Options {
	o := options(&s.job.Flags)
	o.Process = s.job.Process || strings.HasPrefix(s.r.Section().Application, "dlx ")
	if s.job.Flags.Numbers == 0 {
		o.Names = &dissect.Names{Host: s.host, Service: s.service}
	}
	return o
}

// host is what the file calls an address.
func (s *screen) host(a netip.Addr) string {
	if list := s.r.Names(a); len(list) > 0 {
		return list[0]
	}
	return ""
}

// note remembers the process that a comment tells of.
func (s *screen) note(p *pcapng.Packet) {
	if owner, ok := process.ParseComment(p.Comment); ok && p.Process == owner.PID {
		if len(s.processes) >= maxProcesses {
			clear(s.processes)
		}
		s.processes[owner.PID] = fmt.Sprintf("%s/%d", owner.Command, owner.Inner)
	}
}

// print prints a packet, and before it what was lost and what the file says of it besides.
func (s *screen) print(p *pcapng.Packet, i *pcapng.Interface) error {
	if p.Dropped > 0 {
		fmt.Fprintf(s.w, "# %d packets were lost here\n", p.Dropped)
	}
	if _, ok := process.ParseComment(p.Comment); !ok && p.Comment != "" {
		fmt.Fprintf(s.w, "# %s\n", printable.Escape(p.Comment))
	}
	owner := s.processes[p.Process]
	if owner == "" && p.Process != 0 {
		owner = fmt.Sprintf("?/%d", p.Process)
	}
	container, _, _ := strings.Cut(i.Description, ", image ")
	_, err := fmt.Fprintln(s.w, s.p.Text(&dissect.Packet{
		Time: time.Unix(0, int64(p.Time)), Container: container, Process: owner, Interface: i.Name, Link: i.LinkType,
		Direction: directions[p.Direction], Data: p.Data, Length: int(p.Length),
	}))
	return err
}

var directions = map[pcapng.Direction]string{pcapng.In: "In", pcapng.Out: "Out"}
