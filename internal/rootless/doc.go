// Package rootless does without root what a user may do with the user's own containers: it executes
// dlx once more in the user namespace that they are in, whose root the user is
// (user_namespaces(7)).
//
// What runs there has the user's rights and no other. It may join the containers' namespaces, mount
// file systems in mount namespaces of its own, and become the users that the namespace has. The
// control groups, the host's network and other users' containers stay out of reach.
package rootless
