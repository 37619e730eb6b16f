package filter_test

import (
	"errors"
	"fmt"

	"golang.org/x/net/bpf"

	"dlx/capture/filter"
)

func ExampleCompile() {
	p, err := filter.Compile("tcp dst port 80 or 443", filter.Options{Link: filter.Ethernet, Extensions: filter.Live})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.Raw()), "instructions for SO_ATTACH_FILTER")
	// Output: 17 instructions for SO_ATTACH_FILTER
}

func ExampleCompile_error() {
	_, err := filter.Compile("tcp and prot 80", filter.Options{Link: filter.Ethernet})
	if e, ok := errors.AsType[*filter.Error](err); ok {
		fmt.Println(e.Msg)
		fmt.Println(e.Caret())
	}
	// Output:
	// expected a qualifier such as host, net or port before a value
	// tcp and prot 80
	//         ^^^^
}

func ExampleProgram_Instructions() {
	p, err := filter.Compile("ip and ip[8] < 5", filter.Options{Link: filter.Raw})
	if err != nil {
		fmt.Println(err)
		return
	}
	vm, err := bpf.NewVM(p.Instructions())
	if err != nil {
		fmt.Println(err)
		return
	}
	packet := []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 1 /* TTL */, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	n, err := vm.Run(packet)
	fmt.Println(n > 0, err)
	// Output: true <nil>
}

func ExampleProgram_String() {
	p, err := filter.Compile("arp", filter.Options{Link: filter.Ethernet, Snaplen: 65535})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(p)
	// Output:
	// (000) ldh      [12]
	// (001) jeq      #0x806           jt 2	jf 3
	// (002) ret      #65535
	// (003) ret      #0
}

func ExampleParse() {
	tree, err := filter.Parse("src host 10.0.0.1 or 10.0.0.2 and not tcp port http or 443")
	fmt.Println(tree, err)
	// Output: (((src host 10.0.0.1 or src host 10.0.0.2) and not tcp port \http) or tcp port 443) <nil>
}

func ExampleParseLinkType() {
	link, ok := filter.ParseLinkType("LINUX_SLL2")
	fmt.Println(uint16(link), link, ok)
	// Output: 276 LINUX_SLL2 true
}
