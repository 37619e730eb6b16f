package shell

// User is who a session runs as, in the container's numbers.
type User struct {
	UID, GID uint32
	Groups   []uint32
	Home     string
}
