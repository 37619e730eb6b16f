// True ends with status 0, or with the one that its argument names.
package main

import (
	"os"
	"strconv"
)

func main() {
	if len(os.Args) > 1 {
		status, err := strconv.Atoi(os.Args[1])
		if err != nil {
			status = 2
		}
		os.Exit(status)
	}
}
