package podman

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"dlx/target"
)

// imageDetails is what inspect tells of an image (podman, pkg/inspect/inspect.go).
type imageDetails struct {
	ID     string `json:"Id"`
	Config struct {
		User            string
		Env             []string
		Entrypoint, Cmd []string
		Volumes         map[string]struct{}
		WorkingDir      string
		Labels          map[string]string
	}
	GraphDriver struct{ Data map[string]string }
}

// Images asks for one by its name, its ID or the beginning of that. Of several Podman says that
// there are, and not which.
func (r *Runtime) Images(ctx context.Context, name string) ([]target.Still, error) {
	if r.options.Owner != 0 { // its directories are not root's to open
		return nil, nil
	}
	var still *target.Still
	err := r.ask(ctx, "inspect image "+name, api+"/images/"+name+"/json", r.most, func(_ string, answer []byte) (err error) {
		still, err = readImage(name, answer)
		return err
	})
	if refused(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []target.Still{*still}, nil
}

func readImage(name string, answer []byte) (*target.Still, error) {
	dec := json.NewDecoder(bytes.NewReader(answer))
	var i imageDetails
	if err := dec.Decode(&i); err != nil {
		return nil, whole(err)
	}
	if err := ended(dec); err != nil {
		return nil, err
	}
	if i.ID == "" {
		return nil, errors.New("an image without an ID")
	}
	c := i.Config
	still := &target.Still{
		Info:       target.Info{Runtime: Scheme, ID: i.ID, Name: name, Image: name, Env: c.Env, WorkingDir: c.WorkingDir, User: c.User, Labels: c.Labels},
		Entrypoint: c.Entrypoint, Command: c.Cmd, Volumes: slices.Sorted(maps.Keys(c.Volumes)),
	}
	dirs := []string{i.GraphDriver.Data["UpperDir"]} // the topmost layer's
	if lower := i.GraphDriver.Data["LowerDir"]; lower != "" {
		dirs = append(dirs, strings.Split(lower, ":")...)
	}
	for _, dir := range dirs {
		if !target.CleanDir(dir) {
			return nil, fmt.Errorf("%.80q is no directory of an overlay", dir)
		}
	}
	still.Dirs = dirs
	return still, nil
}
