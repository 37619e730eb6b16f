// Package replay reads capture files again, dlx's and others': pcapng, and pcap in each of its
// forms, also compressed by gzip. Files are hostile: what reads them has no privileges, and all
// that it keeps of them is bounded.
//
// It is a library that others may import. Beside its own types its signatures have those of
// packages pcapng and filter, which are libraries too.
package replay
