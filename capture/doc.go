// Package capture reads packets in a container's network namespace: one TPACKET_V3 ring for all
// interfaces of a namespace, opened on a thread inside it, filtered in the kernel, and written as
// pcapng with one write for many packets.
//
// It runs with privileges and only moves raw frames. Of these it reads addresses, to name them.
// Package attribution reads ports too, to find the processes that they belong to. Package dissect
// takes packets apart, elsewhere.
//
// It is the house's own, as are attribution, process and savefile below it. filter, pcapng, replay,
// dissect and linktype are libraries that others may import.
package capture
