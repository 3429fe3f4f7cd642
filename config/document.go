package config

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A document is all keys with a value each, to be written in the order of Settings.
type document struct {
	value  func(Key) any
	above  func(Key) string // comment above a key; nil = none
	beside func(Key) string // comment behind a value; nil = none
}

// besideColumn is where comments behind values begin.
const besideColumn = 48

func (d document) writeYAML(w io.Writer) error {
	var out strings.Builder
	open := []string{}
	for _, key := range Keys() {
		path := strings.Split(key.Path, ".")
		sections, name := path[:len(path)-1], path[len(path)-1]
		for depth := range sections {
			if depth < len(open) && slices.Equal(open[:depth+1], sections[:depth+1]) {
				continue
			}
			indent := strings.Repeat("  ", depth)
			if help := table().helpOf(strings.Join(sections[:depth+1], ".")); d.above != nil && help != "" {
				comment(&out, "\n", indent, help)
			}
			fmt.Fprintf(&out, "%s%s:\n", indent, sections[depth])
			open = append(append([]string{}, sections[:depth]...), sections[depth])
		}
		open = sections
		indent := strings.Repeat("  ", len(sections))
		if d.above != nil {
			comment(&out, "", indent, d.above(key))
		}
		d.line(&out, key, indent+name+": "+literal(d.value(key), ": "))
	}
	_, err := io.WriteString(w, strings.TrimPrefix(out.String(), "\n"))
	return err
}

// writeTOML writes a table for each section, since a table's own keys must stand before its sub-tables.
func (d document) writeTOML(w io.Writer) error {
	var out strings.Builder
	for _, key := range Keys() {
		if !strings.Contains(key.Path, ".") { // before the tables, or it would belong to the last one
			d.keyTOML(&out, key, key.Path)
		}
	}
	for _, section := range table().sections {
		out.WriteString("\n")
		if d.above != nil && section.help != "" {
			comment(&out, "", "", section.help)
		}
		fmt.Fprintf(&out, "[%s]\n", section.path)
		for _, key := range Keys() {
			name, inside := strings.CutPrefix(key.Path, section.path+".")
			if !inside || strings.Contains(name, ".") {
				continue
			}
			d.keyTOML(&out, key, name)
		}
	}
	_, err := io.WriteString(w, strings.TrimPrefix(out.String(), "\n"))
	return err
}

func (d document) keyTOML(out *strings.Builder, key Key, name string) {
	if d.above != nil {
		comment(out, "", "", d.above(key))
	}
	d.line(out, key, name+" = "+literal(d.value(key), " = "))
}

func (d document) writeJSON(w io.Writer) error {
	var out strings.Builder
	d.jsonSection(&out, "", "")
	_, err := io.WriteString(w, out.String()+"\n")
	return err
}

// jsonSection writes the keys and sections whose path is prefix and one more name, in their order.
func (d document) jsonSection(out *strings.Builder, prefix, indent string) {
	out.WriteString("{")
	separator, last := "\n", ""
	for _, key := range Keys() {
		rest, inside := strings.CutPrefix(key.Path, prefix)
		name, _, nested := strings.Cut(rest, ".")
		if !inside || name == last {
			continue
		}
		fmt.Fprintf(out, "%s%s  %q: ", separator, indent, name)
		separator, last = ",\n", name
		if nested {
			d.jsonSection(out, prefix+name+".", indent+"  ")
		} else {
			out.WriteString(literal(d.value(key), ": "))
		}
	}
	out.WriteString("\n" + indent + "}")
}

func (d document) line(out *strings.Builder, key Key, text string) {
	if d.beside != nil {
		text = fmt.Sprintf("%-*s # %s", besideColumn, text, d.beside(key))
	}
	out.WriteString(text + "\n")
}

// comment writes text as comment lines of at most about 100 characters.
func comment(out *strings.Builder, before, indent, text string) {
	const width = 100
	out.WriteString(before + indent + "#")
	column := len(indent) + 1
	for word := range strings.FieldsSeq(text) {
		if column+1+len(word) > width {
			out.WriteString("\n" + indent + "#")
			column = len(indent) + 1
		}
		out.WriteString(" " + word)
		column += 1 + len(word)
	}
	out.WriteString("\n")
}

func (t *keyTable) helpOf(path string) string {
	for _, section := range t.sections {
		if section.path == path {
			return section.help
		}
	}
	return ""
}
