package capture_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"

	"dlx/capture"
	"dlx/capture/process"
)

// block makes a block as the kernel fills it (struct tpacket_block_desc and
// tpacket3_hdr in linux/if_packet.h, struct sockaddr_ll): n packets of size bytes,
// step nanoseconds apart, from first.
func block(n, size int, first, step uint32) []byte {
	const mac = 82
	ne := binary.NativeEndian
	stride := stride(size)
	b := make([]byte, header+n*stride)
	ne.PutUint32(b[12:], uint32(n))
	ne.PutUint32(b[16:], header)
	for i := range n {
		h := b[header+i*stride:]
		if i < n-1 {
			ne.PutUint32(h, uint32(stride))
		}
		ne.PutUint32(h[8:], first+uint32(i)*step)
		ne.PutUint32(h[12:], uint32(size))
		ne.PutUint32(h[16:], uint32(size))
		ne.PutUint16(h[24:], mac)
		ne.PutUint16(h[26:], mac+14)
	}
	return b
}

// What comes before the packets of a block, and before a packet's data, in bytes.
const header, inFront = 48, 96

func stride(size int) int { return (inFront + size + 15) &^ 15 }

// frameOf is the data of a packet of a block.
func frameOf(block []byte, i, size int) []byte {
	const mac = 82
	at := header + i*stride(size) + mac
	return block[at : at+size]
}

// BenchmarkMerge is the cost of a packet once it is in the ring.
func BenchmarkMerge(b *testing.B) {
	for _, rings := range []int{1, 2} {
		for _, size := range []int{74, 1400} {
			b.Run(fmt.Sprintf("rings=%d/bytes=%d", rings, size), func(b *testing.B) {
				const n = 64
				var blocks [][]byte
				for i := range rings {
					blocks = append(blocks, block(n, size, uint32(i), 1000))
				}
				m := capture.NewMerger(blocks...)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := m.Merge(io.Discard); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*rings), "ns/packet")
			})
		}
	}
}

// BenchmarkOwner is what the processes of packets add to that: none, as many flows as a busy server
// has at a time.
func BenchmarkOwner(b *testing.B) {
	for _, flows := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			const n, size = 4096, 74
			mem := block(n, size, 0, 1000)
			for i := range n {
				flow := uint16(0)
				if flows > 0 {
					flow = uint16(i / 8 % flows)
				}
				setFlow(frameOf(mem, i, size), flow)
			}
			m := capture.NewMerger(mem)
			if flows > 0 {
				m.Own(&process.Process{PID: 4711, Inner: 1, Command: "web"})
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Merge(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/packet")
		})
	}
}

// setFlow makes a frame one of UDP, from port 1000 on.
func setFlow(frame []byte, flow uint16) {
	copy(frame[12:], []byte{8, 0, 0x45, 0, 0, 60, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 9})
	binary.BigEndian.PutUint16(frame[34:], 1000+flow)
}

// BenchmarkCapture sends datagrams over lo and captures them;
// most of it is the sending. No packet allocates.
func BenchmarkCapture(b *testing.B) {
	enter := namespace(b, "")
	c := open(b, enter, capture.Options{Interface: "lo", Compile: compile("udp dst port 9")})
	defer func() { _ = c.Close() }()
	to, from := listen(b, enter, "127.0.0.1:9"), listen(b, enter, "127.0.0.1:0")
	addr := to.LocalAddr().(*net.UDPAddr).AddrPort()
	payload := make([]byte, 32)
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	done := make(chan capture.Stats, 1)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		stats, err := c.Run(ctx, capture.ToWriter(io.Discard))
		if err != nil {
			b.Error(err)
		}
		done <- stats
	}()
	for range b.N {
		if _, err := from.WriteToUDPAddrPort(payload, addr); err != nil {
			b.Fatal(err)
		}
	}
	stop()
	if s := <-done; s.Captured+s.Dropped != uint64(b.N) {
		b.Errorf("statistics %+v of %d packets", s, b.N)
	}
}

// listen opens a socket inside the namespace.
func listen(b *testing.B, enter capture.Enter, at string) (conn *net.UDPConn) {
	b.Helper()
	err := enter(func() error {
		addr, err := net.ResolveUDPAddr("udp4", at)
		if err != nil {
			return err
		}
		conn, err = net.ListenUDP("udp4", addr)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}
