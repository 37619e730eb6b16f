// Web is an HTTP server, alone in its container: first process, multithreaded, and no shell there.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"
)

const fetchLimit = 5 * time.Second

func main() {
	addr := flag.String("addr", ":80", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	mux := http.NewServeMux()
	mux.HandleFunc("/", hello)
	mux.HandleFunc("/fetch", fetch)
	server := &http.Server{Addr: *addr, Handler: mux, ReadHeaderTimeout: fetchLimit}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("listening on %s", *addr)
	err := server.ListenAndServe()
	stop()
	if !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func hello(w http.ResponseWriter, _ *http.Request) {
	if _, err := io.WriteString(w, "hello from web\n"); err != nil {
		log.Printf("hello: %v", err)
	}
}

// fetch makes a request to ?url= and passes the answer on: traffic that the container begins.
func fetch(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), fetchLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.FormValue("url"), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = res.Body.Close() }()
	w.WriteHeader(res.StatusCode)
	if _, err := io.Copy(w, io.LimitReader(res.Body, 1<<20)); err != nil {
		log.Printf("fetch: %v", err)
	}
}
