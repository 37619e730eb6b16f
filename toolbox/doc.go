// Package toolbox is what dlx brings into a container: files and a manifest. The manifest has the
// size, digest, origin and licence of each.
//
// Verify checks a bundle's shape. Its bytes are checked while they are copied, so what is measured
// is what is placed. Only a Verified can be placed.
package toolbox
