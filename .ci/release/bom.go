package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// billOfMaterials returns a list of the artifacts, each with the modules that its program
// says it was built from, the standard library included (CycloneDX 1.6, as JSON).
func (r *release) billOfMaterials() ([]byte, error) {
	var components []cyclonedx.Component
	var dependencies []cyclonedx.Dependency
	modules := map[string]cyclonedx.Component{}
	for _, a := range r.artifacts {
		if a.program == nil {
			continue
		}
		info, err := buildinfo.Read(bytes.NewReader(a.program))
		if err != nil {
			return nil, err
		}
		of := []string{library(modules, "std", strings.TrimPrefix(info.GoVersion, "go"), "")}
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			of = append(of, library(modules, m.Path, m.Version, m.Sum))
		}
		slices.Sort(of)
		components = append(components, cyclonedx.Component{
			BOMRef: a.name, Type: cyclonedx.ComponentTypeApplication, Name: a.name, Version: r.version,
			Hashes: &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(a.data))}},
			Properties: &[]cyclonedx.Property{
				{Name: "go:os", Value: setting(info, "GOOS")}, {Name: "go:arch", Value: setting(info, "GOARCH")}, {Name: "go:tags", Value: setting(info, "-tags")},
			},
		})
		dependencies = append(dependencies, cyclonedx.Dependency{Ref: a.name, Dependencies: &of})
	}
	var refs []string
	for ref := range modules {
		refs = append(refs, ref)
	}
	slices.Sort(refs)
	for _, ref := range refs {
		components = append(components, modules[ref])
	}
	bom := cyclonedx.NewBOM() // no serial number and no time, which would differ each time
	bom.Metadata = &cyclonedx.Metadata{Component: &cyclonedx.Component{
		Type: cyclonedx.ComponentTypeApplication, Name: "pingrotate", Version: r.version,
		Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "Apache-2.0"}}},
	}}
	bom.Components, bom.Dependencies = &components, &dependencies
	var b bytes.Buffer
	err := cyclonedx.NewBOMEncoder(&b, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	return b.Bytes(), err
}

// library remembers a module and returns its package URL.
func library(modules map[string]cyclonedx.Component, path, version, sum string) string {
	ref := "pkg:golang/" + path + "@" + version
	c := cyclonedx.Component{BOMRef: ref, Type: cyclonedx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: ref, Scope: cyclonedx.ScopeRequired}
	// The sum of go.sum: SHA-256 over the names and sums of the module's files.
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(raw) == sha256.Size {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", raw)}}
	}
	modules[ref] = c
	return ref
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
