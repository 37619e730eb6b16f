// Package toolbox is what dlx brings into a container: files, and a manifest that lists each with
// its size, digest, origin and licence.
//
// Verify checks a bundle's shape; its bytes are checked while they are copied, so that what was
// measured is what was placed. Only a Verified can be placed.
package toolbox
