package applet

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// open lists what a process has open: directories, the program, mapped files and descriptors.
func (l *lsof) open(p *process) []*openFile {
	var list []*openFile
	for _, f := range []struct{ fd, link string }{{"cwd", "cwd"}, {"rtd", "root"}, {"txt", "exe"}} {
		if file := l.file(p, f.fd, p.dir+"/"+f.link); file != nil {
			list = append(list, file)
		}
	}
	list = append(list, mapped(p)...)
	fds, _ := filepath.Glob(p.dir + "/fd/[0-9]*")
	slices.SortFunc(fds, func(a, b string) int {
		return int(number(filepath.Base(a), 10)) - int(number(filepath.Base(b), 10)) // descriptors
	})
	for _, link := range fds {
		fd := filepath.Base(link)
		mode := map[uint64]string{0: "r", 1: "w", 2: "u"}[openFlags(p, fd)&3]
		if file := l.file(p, fd+mode, link); file != nil {
			list = append(list, file)
		}
	}
	return list
}

func openFlags(p *process, fd string) uint64 {
	data, _ := os.ReadFile(p.dir + "/fdinfo/" + fd)
	_, rest, _ := strings.Cut(string(data), "flags:")
	return number(strings.TrimSpace(strings.SplitN(rest+"\n", "\n", 2)[0]), 8)
}

// mapped are the files of /proc/PID/maps without the program, each once.
func mapped(p *process) []*openFile {
	data, _ := os.ReadFile(p.dir + "/maps")
	exe, _ := os.Readlink(p.dir + "/exe")
	seen := map[string]bool{exe: true}
	var list []*openFile
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) < 6 || !strings.HasPrefix(f[5], "/") || seen[f[5]] {
			continue
		}
		name := strings.Join(f[5:], " ")
		seen[f[5]] = true
		list = append(list, &openFile{p: p, fd: "mem", kind: "REG", device: strings.ReplaceAll(f[3], ":", ","), node: f[4], name: name, path: p.dir + "/root" + name, links: mappedNames(name)})
	}
	return list
}

// mappedNames are those of a mapped file: none if the kernel says that it was deleted
// (proc_pid_maps(5)), else one at least.
func mappedNames(mapped string) uint64 {
	if strings.HasSuffix(mapped, " (deleted)") {
		return 0
	}
	return 1
}

func (l *lsof) file(p *process, fd, link string) *openFile {
	name, err := os.Readlink(link)
	if err != nil {
		return nil
	}
	f := &openFile{p: p, fd: fd, name: name, path: link, kind: "unknown"}
	if text, ok := strings.CutPrefix(name, "socket:["); ok {
		inode := number(strings.TrimSuffix(text, "]"), 10)
		f.describe(l.socks[inode], inode)
		return f
	}
	var st syscall.Stat_t
	if syscall.Stat(link, &st) != nil {
		return f
	}
	f.device = fmt.Sprintf("%d,%d", st.Dev>>8&0xfff, st.Dev&0xff|st.Dev>>12&0xfff00)
	f.node, f.size = strconv.FormatUint(st.Ino, 10), strconv.FormatInt(st.Size, 10)
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFREG:
		f.kind, f.links = "REG", uint64(st.Nlink) //nolint:unconvert // its size differs by architecture
	case syscall.S_IFDIR:
		f.kind = "DIR"
	case syscall.S_IFIFO:
		f.kind, f.size, f.name = "FIFO", "0t0", strings.Replace(name, "pipe:["+f.node+"]", "pipe", 1)
	case syscall.S_IFCHR, syscall.S_IFBLK:
		f.kind, f.size = map[bool]string{true: "CHR", false: "BLK"}[st.Mode&syscall.S_IFMT == syscall.S_IFCHR], "0t0"
		f.device = fmt.Sprintf("%d,%d", st.Rdev>>8&0xfff, st.Rdev&0xff|st.Rdev>>12&0xfff00)
	}
	if kind, ok := strings.CutPrefix(name, "anon_inode:"); ok {
		f.kind, f.size, f.name = "a_inode", "0", kind
	}
	return f
}

// describe fills in what is known of a socket. Other kinds and namespaces are a "sock".
func (f *openFile) describe(k *sock, inode uint64) {
	f.size, f.device, f.socket = "0t0", strconv.FormatUint(inode, 10), k
	switch {
	case k == nil:
		f.kind, f.node, f.name = "sock", f.device, "protocol: unknown"
	case strings.HasPrefix(k.netid, "u_"):
		f.kind, f.node, f.socket = "unix", f.device, nil
		f.device = "0x0"
		f.name = strings.TrimSpace(k.path + " type=" + map[string]string{"u_str": "STREAM", "u_dgr": "DGRAM", "u_seq": "SEQPACKET"}[k.netid])
	default:
		f.kind, f.node = map[bool]string{true: "IPv6", false: "IPv4"}[k.v6], strings.ToUpper(k.netid)
		f.name = lsofAddress(k, true)
		if k.peer.Port() != 0 {
			f.name += "->" + lsofAddress(k, false)
		}
		if k.netid == "tcp" {
			f.name += " (" + lsofState(k) + ")"
		}
	}
}

func lsofAddress(k *sock, local bool) string {
	end := k.end(local)
	host, port := k.address(end, local)
	if end.Addr().IsUnspecified() {
		host = "*:"
	}
	return host + port
}
