package main

const sysPerfEventOpen = 241 // syscalls(2), of arm64
