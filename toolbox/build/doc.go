// Package build makes toolboxes out of what is trusted already: packages that apt(8) has checked,
// programs and folders of this machine, Docker's images, Go modules of the checksum database.
//
// Programs that are not static get what they need in a folder of the toolbox's own: the libraries
// that their headers name (ELF's DT_NEEDED), and the loader. What a program opens at run time by
// itself, such as plug-ins, is not found that way.
package build
