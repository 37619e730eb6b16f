// Typecheck says whether all packages, and their tests, are right for another system. Nothing is
// compiled, which takes several times as long: GOOS=windows typecheck.
package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "typecheck:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	n, err := check(dir)
	if err != nil {
		return err
	}
	fmt.Printf("%d packages are right for %s/%s\n", n, os.Getenv("GOOS"), os.Getenv("GOARCH"))
	return nil
}

// check checks the packages of the module in a folder, for what GOOS and GOARCH say. It returns how
// many there are.
func check(dir string) (int, error) {
	set := token.NewFileSet()
	own := dir + string(filepath.Separator)
	config := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesSizes | packages.NeedModule,
		Dir: dir, Env: append(os.Environ(), "CGO_ENABLED=0"), Fset: set, Tests: true,
		ParseFile: func(set *token.FileSet, name string, src []byte) (*ast.File, error) {
			file, err := parser.ParseFile(set, name, src, parser.AllErrors|parser.ParseComments|parser.SkipObjectResolution)
			// A test's main package, which the go command writes, is a file of another kind.
			if err == nil && !strings.HasPrefix(name, own) && filepath.Ext(name) == ".go" {
				forgetBodies(file)
			}
			return file, err
		},
	}
	list, err := packages.Load(config, "./...")
	if err != nil {
		return 0, fmt.Errorf("load packages: %w", err)
	}
	wrong := 0
	for _, p := range list {
		for _, e := range p.Errors {
			fmt.Fprintln(os.Stderr, cmp.Or(e.Pos, p.PkgPath)+": "+e.Msg)
			wrong++
		}
	}
	if wrong > 0 {
		return 0, fmt.Errorf("%d errors", wrong)
	}
	return len(list), nil
}

// forgetBodies takes the bodies of functions out of a file of a dependency, of which only what it
// exports matters.
func forgetBodies(file *ast.File) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			f.Body = nil
		}
	}
}
