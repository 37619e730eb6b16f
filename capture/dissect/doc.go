// Package dissect says in one line what a packet is, as tcpdump does. Packets are hostile: it is used by a process
// without privileges, never panics, and escapes what it quotes.
package dissect
