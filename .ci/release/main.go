// Command release builds a release: the function for each of Lambda's processors, with a
// template that deploys it without a build; the operator's command for each system; the
// JSON Schema of the document; a list of all modules in them (CycloneDX); and checksums of
// all these.
//
// The same source and the same Go release produce the same bytes, anywhere and at any time:
// no file contains a time, or a path or user of this machine.
package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A target is a program and what it is built for.
type target struct {
	program  string // directory below cmd
	system   string // GOOS
	arch     string // GOARCH
	platform string // in the artifact's name
}

var targets = []target{
	{"rotator", "linux", "arm64", "arm64"},
	{"rotator", "linux", "amd64", "x86_64"},
	{"pingrotate", "linux", "arm64", "linux_arm64"},
	{"pingrotate", "linux", "amd64", "linux_amd64"},
	{"pingrotate", "darwin", "arm64", "macos_arm64"},
	{"pingrotate", "darwin", "amd64", "macos_amd64"},
	{"pingrotate", "windows", "arm64", "windows_arm64"},
	{"pingrotate", "windows", "amd64", "windows_amd64"},
}

func main() {
	log.SetFlags(0)
	root := flag.String("source", "../..", "directory of the project")
	out := flag.String("out", "", "directory to write to, which is emptied first")
	version := flag.String("version", "", "version that the programs report")
	only := flag.String("only", "", "build only for these platforms, such as linux_amd64,x86_64")
	flag.Parse()
	if *out == "" || *version == "" || strings.ContainsAny(*version, " '\"/") {
		log.Fatal("release: give -out and -version; a version must not contain a space, quote or slash")
	}
	r := &release{root: *root, out: *out, version: *version}
	if err := r.make(strings.FieldsFunc(*only, func(c rune) bool { return c == ',' })); err != nil {
		log.Fatalf("release: %v", err)
	}
}

type release struct {
	root, out, version string
	artifacts          []artifact
}

// An artifact is a file of the release, with the bytes of the program in it, if there is
// one.
type artifact struct {
	name    string
	data    []byte
	program []byte
}

func (r *release) make(only []string) error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	for _, t := range targets {
		if len(only) > 0 && !slices.Contains(only, t.platform) {
			continue
		}
		log.Printf("building %s for %s/%s", t.program, t.system, t.arch)
		program, err := r.build(t, filepath.Join(work, t.program))
		if err != nil {
			return fmt.Errorf("build %s for %s: %w", t.program, t.platform, err)
		}
		if err := r.pack(t, program); err != nil {
			return err
		}
	}
	schema, err := os.ReadFile(filepath.Join(r.root, "docs", "document.schema.json"))
	if err != nil {
		return err
	}
	r.add(artifact{name: "document.schema.json", data: schema})
	bom, err := r.billOfMaterials()
	if err != nil {
		return fmt.Errorf("list the modules: %w", err)
	}
	r.add(artifact{name: r.named("pingrotate", "") + ".cdx.json", data: bom})
	var sums bytes.Buffer
	for _, a := range r.artifacts {
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(a.data), a.name)
	}
	r.add(artifact{name: "SHA256SUMS", data: sums.Bytes()})
	for _, a := range r.artifacts {
		if err := os.WriteFile(filepath.Join(r.out, a.name), a.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) add(a artifact) { r.artifacts = append(r.artifacts, a) }

func (r *release) named(what, platform string) string {
	return strings.TrimSuffix(what+"_"+r.version+"_"+platform, "_")
}

// build compiles one program. It sets everything that go env could change.
func (r *release) build(t target, to string) ([]byte, error) {
	args := []string{"build", "-trimpath", "-buildvcs=false", "-o", to}
	if t.program == "rotator" {
		small, err := r.small()
		if err != nil {
			return nil, err
		}
		args = append(append(args, small...), "-ldflags=-s -w")
	} else {
		args = append(args, "-tags=lambda.norpc", "-ldflags=-X main.stamp="+r.version)
	}
	c := exec.Command("go", append(args, "./cmd/"+t.program)...)
	c.Dir = r.root
	c.Env = append(os.Environ(), "GOOS="+t.system, "GOARCH="+t.arch, "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off")
	if said, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return os.ReadFile(to)
}

// small returns the Makefile's flags for the function.
func (r *release) small() ([]string, error) {
	makefile, err := os.ReadFile(filepath.Join(r.root, "Makefile"))
	if err != nil {
		return nil, err
	}
	_, line, _ := strings.Cut(string(makefile), "\nSMALL = ")
	flags, _, found := strings.Cut(line, "\n")
	if !found {
		return nil, fmt.Errorf("the Makefile has no SMALL, which says how the function is built")
	}
	return strings.Fields(flags), nil
}

func (r *release) pack(t target, program []byte) error {
	if t.program == "rotator" {
		name := r.named("pingrotate-function", t.platform) + ".zip"
		data, err := zipped(file{"bootstrap", 0o755, program})
		if err != nil {
			return err
		}
		r.add(artifact{name, data, program})
		template, err := os.ReadFile(filepath.Join(r.root, "template.yaml"))
		if err != nil {
			return err
		}
		deployable, err := deployable(string(template), name, t.platform)
		if err != nil {
			return err
		}
		r.add(artifact{name: r.named("template", t.platform) + ".yaml", data: []byte(deployable)})
		return nil
	}
	files := []file{{"pingrotate", 0o755, program}}
	for _, name := range []string{"LICENSE", "THIRD_PARTY.md", "CHANGELOG.md"} {
		data, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return err
		}
		files = append(files, file{name, 0o644, data})
	}
	archive, extension := tarred, ".tar.gz"
	if t.system == "windows" {
		files[0].name = "pingrotate.exe"
		archive, extension = zipped, ".zip"
	}
	data, err := archive(files...)
	if err != nil {
		return err
	}
	r.add(artifact{r.named("pingrotate", t.platform) + extension, data, program})
	return nil
}

// deployable returns the template with the function that is already built, instead of its
// source.
func deployable(template, function, arch string) (string, error) {
	lines := strings.Split(template, "\n")
	at := func(line string) (int, error) {
		i := slices.Index(lines, line)
		if i < 0 || slices.Contains(lines[i+1:], line) {
			return 0, fmt.Errorf("template.yaml does not have the line %q exactly once", strings.TrimSpace(line))
		}
		return i, nil
	}
	code, err := at("      CodeUri: cmd/rotator")
	if err != nil {
		return "", err
	}
	lines[code] = "      CodeUri: " + function
	method, err := at("      BuildMethod: go1.x")
	if err != nil {
		return "", err
	}
	from := method
	for lines[from] != "    Metadata:" {
		from--
	}
	to := method
	for strings.HasPrefix(lines[to], "      ") {
		to++
	}
	lines = slices.Delete(lines, from, to)
	parameter, err := at("    AllowedValues: [arm64, x86_64]")
	if err != nil {
		return "", err
	}
	lines[parameter] = "    AllowedValues: [" + arch + "]"
	if !strings.HasPrefix(lines[parameter-1], "    Default: ") {
		return "", fmt.Errorf("template.yaml has no default before the values of Architecture")
	}
	lines[parameter-1] = "    Default: " + arch
	return strings.Join(lines, "\n"), nil
}

// A file is a file in an archive.
type file struct {
	name string
	mode int64
	data []byte
}

func zipped(files ...file) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(out, flate.BestCompression)
	})
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
		h.SetMode(os.FileMode(f.mode))
		part, err := w.CreateHeader(h)
		if err != nil {
			return nil, err
		}
		if _, err := part.Write(f.data); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return b.Bytes(), err
}

func tarred(files ...file) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}
