//go:build linux

package enginetest

import (
	"bytes"
	"sync"
	"testing"
)

// watcher is a writer. When a word is written, it calls back once, from its own goroutine.
type watcher struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	word []byte
	then func()

	called sync.WaitGroup
}

// newWatcher makes one; the test does not end before then has.
func newWatcher(t *testing.T, word string, then func()) *watcher {
	w := &watcher{word: []byte(word)}
	w.called.Add(1)
	w.then = func() {
		defer w.called.Done()
		then()
	}
	t.Cleanup(func() {
		w.mu.Lock()
		missed := w.then != nil
		w.mu.Unlock()
		if missed {
			t.Errorf("%q was never seen", word)
			return
		}
		w.called.Wait()
	})
	return w
}

// wait waits for the callback if the word was seen.
func (w *watcher) wait() {
	w.mu.Lock()
	missed := w.then != nil
	w.mu.Unlock()
	if !missed {
		w.called.Wait()
	}
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(p)
	if w.then != nil && bytes.Contains(w.buf.Bytes(), w.word) {
		go w.then()
		w.then = nil
	}
	return len(p), nil
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}
