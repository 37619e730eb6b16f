// Package kerneltest tests what confines a session on kernels other than the machine's own: `make
// test-kernels` boots each in an emulated machine and runs these tests there as root, on containers
// of runc's own.
package kerneltest
