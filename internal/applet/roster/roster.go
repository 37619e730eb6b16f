// Package roster is the names of tools, and what each is for, for programs that have to know them
// and not to carry them.
package roster

// Names are dlx-tools' applets, in order.
func Names() []string {
	return []string{
		"basename", "cat", "column", "comm", "curl", "date", "dig", "dirname", "du", "echo", "env", "false", "file", "fuser", "getent", "grep",
		"head", "help", "host", "hostname", "id", "ip", "kill", "less", "ls", "lsof", "mkdir", "nc", "netstat", "pgrep", "ping", "pkill",
		"printenv", "ps", "pstree", "pwd", "pwdx", "readlink", "rm", "sh", "sleep", "sort", "ss", "tail", "tc", "tcpdump", "timeout", "tls",
		"tools", "tree", "true", "uname", "vmstat", "wc", "wget",
	}
}

// Better are the applets that replace busybox's of the same name:
// without each of them, some of testdata/commands.txt fails. The others
// are for a toolbox without busybox, or whose busybox lacks them.
func Better() []string {
	return []string{
		"column", "curl", "date", "dig", "du", "file", "fuser", "getent", "grep", "help", "host", "hostname", "ip", "less", "lsof", "nc",
		"netstat", "pgrep", "ping", "pkill", "ps", "pstree", "sh", "sort", "ss", "tc", "tcpdump", "timeout", "tls", "tools", "tree",
		"vmstat", "wget",
	}
}

// Deb is the package of Debian's which has the program that an applet does the everyday part of, or
// "" if there is none.
func Deb(applet string) string {
	switch applet {
	case "ps", "pgrep", "pkill", "pwdx", "vmstat":
		return "procps"
	case "ss", "ip", "tc":
		return "iproute2"
	case "fuser", "pstree":
		return "psmisc"
	case "basename", "cat", "comm", "date", "dirname", "du", "env", "head", "id", "ls", "mkdir", "printenv", "pwd", "readlink", "rm", "sleep",
		"sort", "tail", "timeout", "uname", "wc":
		return "coreutils"
	case "curl", "file", "grep", "hostname", "less", "lsof", "tcpdump", "tree", "wget":
		return applet
	}
	return map[string]string{
		"column": "bsdextrautils", "dig": "bind9-dnsutils", "getent": "libc-bin", "host": "bind9-host", "kill": "procps", "nc": "netcat-openbsd",
		"netstat": "net-tools", "ping": "iputils-ping", "tls": "openssl",
	}[applet]
}
