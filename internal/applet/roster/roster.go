// Package roster is the names of dlx-tools' applets, for programs that have to know them and not to carry them.
package roster

// Names are the applets, in order.
func Names() []string {
	return []string{
		"basename", "cat", "column", "comm", "curl", "date", "dig", "dirname", "du", "echo", "env", "false", "file", "fuser", "getent", "grep",
		"head", "host", "hostname", "id", "ip", "jq", "kill", "ls", "lsof", "mkdir", "nc", "netstat", "openssl", "pgrep", "ping", "pkill",
		"printenv", "ps", "pstree", "pwd", "pwdx", "readlink", "rm", "sh", "sleep", "sort", "ss", "tail", "tcpdump", "timeout", "tls", "tree", "true",
		"uname", "vmstat", "wc", "wget",
	}
}
