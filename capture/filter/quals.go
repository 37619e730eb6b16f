package filter

// Proto is a protocol qualifier.
type Proto uint8

// The protocols that can stand before a primitive, alone, or before [ ].
const (
	ProtoAny  Proto = iota
	ProtoLink       // ether, link, fddi, tr, wlan, ppp and slip: the link layer, whatever it is
	ProtoIP
	ProtoARP
	ProtoRARP
	ProtoSCTP
	ProtoTCP
	ProtoUDP
	ProtoICMP
	ProtoIGMP
	ProtoIGRP
	ProtoPIM
	ProtoVRRP
	ProtoCARP
	ProtoATalk
	ProtoAARP
	ProtoDECnet
	ProtoLAT
	ProtoSCA
	ProtoMOPRC
	ProtoMOPDL
	ProtoIP6
	ProtoICMP6
	ProtoAH
	ProtoESP
	ProtoISO
	ProtoESIS
	ProtoISIS
	ProtoCLNP
	ProtoSTP
	ProtoIPX
	ProtoNetBEUI
	ProtoL1 // IS-IS PDUs of level 1
	ProtoL2
	ProtoIIH
	ProtoLSP
	ProtoSNP
	ProtoCSNP
	ProtoPSNP
	ProtoRadio
)

var protoNames = [...]string{
	"", "link", "ip", "arp", "rarp", "sctp", "tcp", "udp", "icmp", "igmp", "igrp", "pim", "vrrp", "carp", "atalk", "aarp", "decnet", "lat",
	"sca", "moprc", "mopdl", "ip6", "icmp6", "ah", "esp", "iso", "esis", "isis", "clnp", "stp", "ipx", "netbeui", "l1", "l2", "iih", "lsp",
	"snp", "csnp", "psnp", "radio",
}

// String is the protocol's keyword.
func (p Proto) String() string { return protoNames[p] }

// Dir is a direction qualifier: which end of a packet is meant.
type Dir uint8

// The directions. DirAny is "src or dst" that was not written.
const (
	DirAny Dir = iota
	Src
	Dst
	SrcOrDst
	SrcAndDst
	// The addresses of 802.11 frames, which no link type here has.
	dirAddr1
	dirAddr2
	dirAddr3
	dirAddr4
	dirRA
	dirTA
)

// String is the qualifier as it is written.
func (d Dir) String() string {
	return [...]string{"", "src", "dst", "src or dst", "src and dst", "addr1", "addr2", "addr3", "addr4", "ra", "ta"}[d]
}

// Type is a type qualifier: what kind of thing a value is.
type Type uint8

// The types. TypeAny is "host" that was not written.
const (
	TypeAny Type = iota
	TypeHost
	TypeNet
	TypePort
	TypePortRange
	TypeProto
	TypeProtoChain
	TypeGateway
)

// String is the type's keyword.
func (t Type) String() string {
	return [...]string{"", "host", "net", "port", "portrange", "proto", "protochain", "gateway"}[t]
}

// Qualifiers are what stands before a value.
type Qualifiers struct {
	Proto Proto
	Dir   Dir
	Type  Type
}

// String is the qualifiers as they are written.
func (q Qualifiers) String() string {
	s := q.Proto.String()
	for _, part := range []string{q.Dir.String(), q.Type.String()} {
		if s != "" && part != "" {
			s += " "
		}
		s += part
	}
	return s
}
