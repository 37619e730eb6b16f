package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strings"
	"unicode/utf8"
)

// clipper makes an entry small enough, and notes what it has shortened.
type clipper struct {
	limit int // bytes of a string, or of all strings of a list
	clips []Clip
}

// maxClips bounds what is noted of one entry.
const maxClips = 32

// clip returns a copy of an entry none of whose strings and lists are longer than limit bytes.
func clip(e *Entry, limit int) Entry {
	c := &clipper{limit: limit}
	out := c.value("", reflect.ValueOf(*e)).Interface().(Entry)
	out.Clipped = c.clips
	return out
}

// value copies a value. Lists and maps are new ones, so that the caller's stay as they are.
func (c *clipper) value(name string, v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.String:
		return reflect.ValueOf(c.text(name, v.String())).Convert(v.Type())
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(c.value(name, v.Elem()))
		return p
	case reflect.Struct:
		return c.fields(name, v)
	case reflect.Slice:
		if list, ok := reflect.TypeAssert[[]string](v); ok {
			return reflect.ValueOf(c.list(name, list))
		}
		return c.slice(name, v)
	case reflect.Map:
		return c.dict(name, v)
	}
	return v
}

func (c *clipper) fields(name string, v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && f.Name != "Clipped" {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			out.Field(i).Set(c.value(strings.TrimPrefix(name+"."+tag, "."), v.Field(i)))
		}
	}
	return out
}

// slice copies a list of other than strings, as far as limit lets it.
func (c *clipper) slice(name string, v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	n := min(v.Len(), c.limit/16)
	out := reflect.MakeSlice(v.Type(), n, n)
	for i := range n {
		out.Index(i).Set(c.value(name, v.Index(i)))
	}
	if n < v.Len() {
		c.note(name, v.Len(), nil)
	}
	return out
}

func (c *clipper) dict(name string, v reflect.Value) reflect.Value {
	if v.IsNil() {
		return v
	}
	out := reflect.MakeMap(v.Type())
	for i := v.MapRange(); i.Next(); {
		if out.Len() >= c.limit/16 {
			c.note(name, v.Len(), nil)
			break
		}
		out.SetMapIndex(c.value(name, i.Key()), i.Value())
	}
	return out
}

// text is the beginning of a string, valid as UTF-8.
func (c *clipper) text(name, s string) string {
	if len(s) <= c.limit && utf8.ValidString(s) {
		return s
	}
	c.note(name, len(s), []byte(s))
	return cut(s, c.limit)
}

// list is the beginning of a list.
func (c *clipper) list(name string, list []string) []string {
	if list == nil {
		return nil
	}
	out, left, whole := make([]string, 0, min(len(list), c.limit)), c.limit, true
	for _, s := range list {
		if left -= len(s) + 1; left < 0 || !utf8.ValidString(s) {
			whole = false
		}
		if left < 0 {
			if room := left + len(s) + 1; room > 0 {
				out = append(out, cut(s, room))
			}
			break
		}
		out = append(out, cut(s, len(s)))
	}
	if !whole {
		var all []byte
		for _, s := range list {
			all = append(append(all, s...), 0)
		}
		c.note(name, len(all), all)
	}
	return out
}

// note tells of a field that is not whole. Without its bytes, size is a number of parts.
func (c *clipper) note(name string, size int, all []byte) {
	if len(c.clips) >= maxClips {
		return
	}
	sum := ""
	if all != nil {
		d := sha256.Sum256(all)
		sum = hex.EncodeToString(d[:])
	}
	c.clips = append(c.clips, Clip{Field: name, Bytes: size, SHA256: sum})
}

// cut is the beginning of a string, with bytes that are not UTF-8 replaced.
func cut(s string, limit int) string {
	if len(s) > limit {
		s = s[:max(limit, 0)]
		for n := 0; n < utf8.UTFMax && len(s) > 0; n++ { // not within a character
			if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
