// Package capture reads packets in a container's network namespace: one TPACKET_V3 ring for all
// interfaces of a namespace, opened on a thread inside it, filtered in the kernel, and written as
// pcapng with one write for many packets.
//
// It runs with privileges and only moves raw frames, of which it reads addresses, to name them, and
// has package attribution read ports too, to find the processes that they belong to. What takes
// packets apart is package dissect, elsewhere.
//
// It is the house's own, as are attribution, process and savefile below it. filter, pcapng, replay,
// dissect and linktype are libraries that others may import.
package capture
