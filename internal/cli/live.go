package cli

import (
	"fmt"
	"sync"
	"time"

	"github.com/docker/go-units"

	"dlx/capture/savefile"
)

// liveLine is a line on a terminal about a capture that goes into files. It has no other output to
// get in the way of.
type liveLine struct {
	a     *app
	files *savefile.Writer // nil if there is nothing to show
	quit  chan struct{}
	wg    sync.WaitGroup
}

func (a *app) liveLine(files *savefile.Writer) *liveLine {
	l := &liveLine{a: a, quit: make(chan struct{})}
	if isTerminal(a.stderr) {
		l.files = files
	}
	return l
}

// liveEvery is how often the line is written anew.
const liveEvery = time.Second

// start begins to show it.
func (l *liveLine) start() {
	if l.files == nil {
		return
	}
	l.wg.Go(func() {
		tick := time.NewTicker(liveEvery)
		defer tick.Stop()
		last := l.files.Figures()
		for {
			select {
			case <-tick.C:
				now := l.files.Figures()
				fmt.Fprint(l.a.stderr, "\r\x1b[K", figuresLine(now, last))
				last = now
			case <-l.quit:
				fmt.Fprint(l.a.stderr, "\r\x1b[K")
				return
			}
		}
	})
}

// stop takes it away.
func (l *liveLine) stop() {
	close(l.quit)
	l.wg.Wait()
}

// figuresLine is what the line says.
func figuresLine(now, last savefile.Figures) string {
	rate := float64(now.Packets-last.Packets) / liveEvery.Seconds()
	text := fmt.Sprintf("%d packets, %s, %d dropped, %.0f packets/s", now.Packets, units.HumanSize(float64(now.Bytes)), now.Dropped, rate)
	if now.Files > 1 {
		text += fmt.Sprintf(", %d files", now.Files)
	}
	return text
}
