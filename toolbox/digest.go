package toolbox

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"runtime"

	"github.com/zeebo/blake3"
)

// quickBLAKE3 says whether BLAKE3 is faster than SHA-256 here. Its library has assembly for amd64
// alone. There it takes half of SHA-256's time on processors that have SHA-256 instructions, and a
// sixth on others. On arm64 processors have them.
const quickBLAKE3 = runtime.GOARCH == "amd64"

// sum is a digest in the making, and what the manifest says of it.
type sum struct {
	hash.Hash
	want string
}

// got is the digest of what was written.
func (s sum) got() string { return hex.EncodeToString(s.Sum(nil)) }

// sums are all digests that the manifest has of a file.
func (f *File) sums() []sum {
	list := []sum{{sha256.New(), f.SHA256}}
	if f.BLAKE3 != "" {
		list = append(list, sum{blake3.New(), f.BLAKE3})
	}
	return list
}

// quickSum is the sum that is fastest to compute. Each of them names the file's bytes.
func (f *File) quickSum() []sum {
	list := f.sums()
	if quickBLAKE3 {
		return list[len(list)-1:]
	}
	return list[:1]
}

// describe notes what a file's bytes are known by.
func (f *File) describe(data []byte) {
	quick := blake3.Sum256(data)
	f.Size, f.SHA256, f.BLAKE3 = int64(len(data)), digest(data), hex.EncodeToString(quick[:])
}

// isDigest says whether a text can be a digest of either kind: 32 bytes in hexadecimal.
func isDigest(s string) bool {
	sum, err := hex.DecodeString(s)
	return err == nil && len(sum) == sha256.Size
}

// digest is the SHA-256 of bytes, in hexadecimal.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
