// Package standin starts a process of dlx's own that stands for what has none: a network namespace,
// a container that does not run, an image. What is done to a container's process can then be done
// to it. It has no more than that container would have, and ends with its owner, however that ends.
package standin
