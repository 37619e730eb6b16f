package toolbox_test

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"dlx/toolbox"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectors = "../docs/vectors/toolbox"

// vectorList are the bundles in docs/vectors/toolbox, and what becomes of each.
var vectorList = []struct {
	name string
	want error
}{
	{"good", nil}, {"unsigned", toolbox.ErrUnsigned}, {"unknown-key", toolbox.ErrUnknownKey}, {"other-payload", toolbox.ErrOtherPayload},
	{"changed-byte", toolbox.ErrChanged}, {"expired", toolbox.ErrExpired}, {"escapes", toolbox.ErrPath}, {"setuid", toolbox.ErrMode},
	{"blake3", nil}, {"other-blake3", toolbox.ErrChanged}, {"extra-file", toolbox.ErrExtra}, {"missing-file", toolbox.ErrMissing}, {"other-sbom", toolbox.ErrSBOM},
	{"cosign", nil}, {"cosign-v2", nil}, {"cosign-other-payload", toolbox.ErrOtherPayload}, {"cosign-v2-other-payload", toolbox.ErrUnknownKey},
}

// vectorTrust trusts the key of a vector, and no other: cosign's own for what cosign signed.
func vectorTrust(t *testing.T, name string) *toolbox.Trust {
	t.Helper()
	file := "key.pub"
	if strings.HasPrefix(name, "cosign") {
		file = "cosign.pub"
	}
	key, err := toolbox.ReadPublicKey(filepath.Join(vectors, file))
	if err != nil {
		t.Fatal(err)
	}
	return toolbox.NewTrust(key)
}

// TestVectors reads the bundles that the format is documented with.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	for _, v := range vectorList {
		policy := toolbox.Policy{Trust: vectorTrust(t, v.name), Now: now}
		b, err := toolbox.Open(filepath.Join(vectors, v.name+".tar"))
		var box *toolbox.Verified
		if err == nil {
			box, err = policy.Verify(b)
		}
		if err == nil {
			err = box.CheckBytes()
		}
		want := v.want
		early := errors.Is(want, toolbox.ErrUnsigned) || errors.Is(want, toolbox.ErrUnknownKey) || errors.Is(want, toolbox.ErrOtherPayload) || errors.Is(want, toolbox.ErrExpired)
		if runtime.GOARCH != "amd64" && !early {
			want = toolbox.ErrArch
		}
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: error %v, want %v", v.name, err, want)
		}
	}
}

// vectorKey is a key of known bytes: that of the vectors is a key for nobody.
func vectorKey(t *testing.T, seed string) *toolbox.PrivateKey {
	t.Helper()
	sum := sha256.Sum256([]byte(seed))
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(sum[:]))
	if err != nil {
		t.Fatal(err)
	}
	k, err := toolbox.ParsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func writeVectors(t *testing.T) {
	t.Helper()
	key, other := vectorKey(t, "dlx toolbox test vectors"), vectorKey(t, "another")
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(vectors, 0o755), os.WriteFile(filepath.Join(vectors, "key.pub"), text, 0o644)); err != nil {
		t.Fatal(err)
	}
	tampers := map[string]func(p *parts){
		"changed-byte": func(p *parts) { p.contents["bin/tool"] = []byte("#!fool") },
		"expired":      func(p *parts) { p.m.NotAfter = time.Date(2020, 1, 31, 0, 0, 0, 0, time.UTC) },
		"escapes":      func(p *parts) { p.m.Files[2].Path = "../bin/link" },
		"setuid":       func(p *parts) { p.m.Files[0].Mode = 0o4755 },
		"extra-file":   func(p *parts) { p.m.Files = p.m.Files[:1] },
		"missing-file": func(p *parts) { p.m.Files[0].Path = "bin/gone" },
		"other-sbom":   func(p *parts) { p.m.SBOM = hexDigest(nil) },
		"blake3":       func(p *parts) { p.addBLAKE3() },
		"other-blake3": func(p *parts) { p.addBLAKE3().m.Files[1].BLAKE3 = blake3Digest(nil) },
	}
	for _, v := range vectorList {
		p := good()
		p.m.Arch = "amd64"
		if tamper := tampers[v.name]; tamper != nil {
			tamper(p)
		}
		b := vectorBundle(t, p)
		switch v.name {
		case "unsigned":
		case "cosign", "cosign-v2", "cosign-other-payload", "cosign-v2-other-payload":
			p.cosign, err = os.ReadFile(filepath.Join(vectors, v.name+".sig")) // as cosign wrote it: see docs/toolbox.md
		case "unknown-key":
			err = b.Sign(other)
		case "other-payload":
			q := good()
			q.m.Arch, q.m.Version = "amd64", "2"
			b.SetEnvelope(signedAs(t, q, key))
		default:
			err = b.Sign(key)
		}
		if err = errors.Join(err, os.WriteFile(filepath.Join(vectors, v.name+".tar"), vectorArchive(t, b, p), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func signedAs(t *testing.T, p *parts, key *toolbox.PrivateKey) []byte {
	t.Helper()
	b := vectorBundle(t, p)
	if err := b.Sign(key); err != nil {
		t.Fatal(err)
	}
	return b.Envelope()
}

// vectorBundle is one whose manifest a person can read.
func vectorBundle(t *testing.T, p *parts) *toolbox.Bundle {
	t.Helper()
	raw, err := json.MarshalIndent(p.m, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	b, err := toolbox.NewBundle(raw, p.sbom, p.contents)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// vectorArchive is an archive with all contents, those that the manifest does not list too.
func vectorArchive(t *testing.T, b *toolbox.Bundle, p *parts) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, data []byte) {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data)), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	put(toolbox.ManifestName, b.RawManifest())
	if b.Envelope() != nil {
		put(toolbox.EnvelopeName, b.Envelope())
	}
	if p.cosign != nil {
		put(toolbox.CosignName, p.cosign)
	}
	put(toolbox.SBOMName, sbomOf(t, b))
	for _, path := range slices.Sorted(maps.Keys(p.contents)) {
		put(path, p.contents[path])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
