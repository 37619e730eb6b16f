package main

const sysPerfEventOpen = 298 // syscalls(2), of amd64
