// App is what the tests of the toolbox's command lines debug: the first process of a container from
// scratch. It has HTTP, HTTPS, DNS, a unix socket, an open file and a child of another user.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	if len(os.Args) > 1 {
		<-end // the child: app worker --queue mail
		return
	}
	if err := start(); err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready")
	<-end
}

// logFile stays open: lsof has to find it.
var logFile *os.File

func start() error {
	cert, err := certificate()
	if err != nil {
		return err
	}
	go serve(net.Listen("tcp", "127.0.0.1:80"))
	go serve(tls.Listen("tcp", "127.0.0.1:443", &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}))
	go serve(net.Listen("unix", "/run/app.sock"))
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:53")
	if err != nil {
		return err
	}
	go func() {
		log.Fatal((&dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(answer)}).ActivateAndServe())
	}()
	go func() {
		log.Fatal((&dns.Server{Listener: listener, Handler: dns.HandlerFunc(answer)}).ActivateAndServe())
	}()
	if logFile, err = os.Create("/data/app.log"); err != nil {
		return err
	}
	child := exec.Command("/app", "worker", "--queue", "mail")
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	for _, at := range []string{"127.0.0.1:80", "127.0.0.1:443"} {
		if err := reach(at); err != nil {
			return err
		}
	}
	return child.Start()
}

func reach(addr string) error {
	for began := time.Now(); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			return c.Close()
		}
		if time.Since(began) > 10*time.Second {
			return err
		}
	}
}

func serve(l net.Listener, err error) {
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(l, http.HandlerFunc(handle)))
}

func handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/":
		io.WriteString(w, "hello\n")
	case "/json":
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"status":"ok","items":[{"id":1,"name":"a"},{"id":2,"name":"b"}]}`+"\n")
	case "/old":
		http.Redirect(w, r, "/", http.StatusMovedPermanently)
	case "/gzip":
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "was packed\n")
		z.Close()
	case "/echo":
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s\n", r.Method, r.Header.Get("Content-Type"), body)
	case "/header":
		fmt.Fprintln(w, r.Header.Get(r.URL.Query().Get("name")))
	case "/auth":
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		io.WriteString(w, "in\n")
	case "/form":
		f, h, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		data, _ := io.ReadAll(f)
		fmt.Fprintf(w, "%s %d\n", h.Filename, len(data))
	default:
		http.NotFound(w, r)
	}
}

// answer knows app.test, and example.org with everything.
func answer(w dns.ResponseWriter, m *dns.Msg) {
	reply := new(dns.Msg).SetReply(m)
	reply.RecursionAvailable = true
	reply.Rcode = dns.RcodeNameError
	q := m.Question[0]
	for _, line := range []string{
		"app.test. 300 IN A 127.0.0.1", "www.app.test. 60 IN CNAME app.test.", "app.test. 300 IN MX 10 mail.app.test.",
		`app.test. 300 IN TXT "v=spf1 -all"`, "app.test. 300 IN SOA ns.app.test. admin.app.test. 7 3600 600 86400 60",
		"app.test. 300 IN NS ns.app.test.", "_http._tcp.app.test. 300 IN SRV 0 5 80 app.test.", "1.0.0.127.in-addr.arpa. 300 IN PTR localhost.",
	} {
		rr, _ := dns.NewRR(line)
		if strings.EqualFold(rr.Header().Name, q.Name) {
			reply.Rcode = dns.RcodeSuccess
			if rr.Header().Rrtype == q.Qtype || rr.Header().Rrtype == dns.TypeCNAME {
				reply.Answer = append(reply.Answer, rr)
			}
		}
	}
	_ = w.WriteMsg(reply)
}

// certificate makes a key and a certificate that signs itself, and leaves it in /data/ca.pem.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "app.test"}, DNSNames: []string{"app.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30*24*time.Hour + time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile("/data/ca.pem", b.Bytes(), 0o644); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
