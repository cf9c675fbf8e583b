package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

const completionUsage = `Usage:
    pingrotate completion bash|zsh|fish

Prints what makes the shell complete commands, flags and their values.

Examples:
    source <(pingrotate completion bash)
    pingrotate completion zsh >"${fpath[1]}/_pingrotate"
    pingrotate completion fish >~/.config/fish/completions/pingrotate.fish
`

var shells = map[string]func([]completed) string{"bash": bash, "zsh": zsh, "fish": fish}

func completionFlags(*flag.FlagSet) runner {
	return func(_ context.Context, args []string, stdout io.Writer) error {
		script := shells[args[0]]
		if script == nil {
			return usageError{"completion", fmt.Sprintf("the shell must be bash, zsh or fish, not %q", args[0])}
		}
		_, err := io.WriteString(stdout, script(completions()))
		return err
	}
}

// A completed is a command as the shells complete it.
type completed struct {
	name, summary string
	flags         []completedFlag
	words         []string // arguments out of a fixed set
}

type completedFlag struct {
	name   string // with its hyphens
	takes  bool   // a value
	values []string
	file   bool
}

// completions reads the table of commands.
func completions() []completed {
	all := []completed{{name: "help", summary: "what there is"}}
	for _, c := range commands() {
		flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
		c.declare(flags)
		one := completed{name: c.name, summary: c.summary}
		flags.VisitAll(func(f *flag.Flag) {
			shown := completedFlag{name: dashed(f.Name), takes: true}
			if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
				shown.takes = false
			}
			if ch, ok := f.Value.(*choice); ok {
				shown.values = ch.of
			}
			shown.file = f.Name == "rotator" || f.Name == "from-file"
			one.flags = append(one.flags, shown)
		})
		one.flags = append(one.flags, completedFlag{name: "--help"})
		if c.name == "completion" {
			one.words = []string{"bash", "zsh", "fish"}
		}
		all = append(all, one)
		all[0].words = append(all[0].words, c.name)
	}
	return all
}

// dashed writes a flag as the help does.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func names(all []completed) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.name)
	}
	return names
}

func bash(all []completed) string {
	var b strings.Builder
	b.WriteString(`# bash completion for pingrotate
_pingrotate() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= words=
    COMPREPLY=()
    if ((COMP_CWORD > 1)); then command=${COMP_WORDS[1]}; fi
    case "$command $prev" in
`)
	for _, c := range all {
		for _, f := range c.flags {
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(&b, "        %q) words=%q ;;\n", c.name+" "+f.name, strings.Join(f.values, " "))
			case f.file:
				fmt.Fprintf(&b, "        %q) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n", c.name+" "+f.name)
			case f.takes:
				fmt.Fprintf(&b, "        %q) return ;;\n", c.name+" "+f.name)
			}
		}
	}
	b.WriteString("        *) case \"$command\" in\n")
	fmt.Fprintf(&b, "            '') words=%q ;;\n", strings.Join(names(all), " "))
	for _, c := range all {
		words := slices.Clone(c.words)
		for _, f := range c.flags {
			words = append(words, f.name)
		}
		fmt.Fprintf(&b, "            %s) words=%q ;;\n", c.name, strings.Join(words, " "))
	}
	b.WriteString(`        esac ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _pingrotate pingrotate
`)
	return b.String()
}

// zshQuote makes a text safe inside single quotes, where a colon and brackets have a
// meaning to _arguments.
func zshQuote(s string) string {
	return strings.NewReplacer("'", `'\''`, ":", `\:`, "[", `\[`, "]", `\]`).Replace(s)
}

func zsh(all []completed) string {
	var b strings.Builder
	b.WriteString(`#compdef pingrotate
_pingrotate() {
    local -a commands
    commands=(
`)
	for _, c := range all {
		fmt.Fprintf(&b, "        '%s:%s'\n", c.name, zshQuote(c.summary))
	}
	b.WriteString(`    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    ((CURRENT--))
    case $command in
`)
	for _, c := range all {
		fmt.Fprintf(&b, "        %s) _arguments", c.name)
		for _, f := range c.flags {
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(&b, " '*%s:value:(%s)'", f.name, strings.Join(f.values, " "))
			case f.file:
				fmt.Fprintf(&b, " '*%s:file:_files'", f.name)
			case f.takes:
				fmt.Fprintf(&b, " '*%s:value:'", f.name)
			default:
				fmt.Fprintf(&b, " '%s'", f.name)
			}
		}
		if len(c.words) > 0 {
			fmt.Fprintf(&b, " '*:argument:(%s)'", strings.Join(c.words, " "))
		}
		b.WriteString(" ;;\n")
	}
	b.WriteString(`    esac
}
if [ "$funcstack[1]" = _pingrotate ]; then _pingrotate; else compdef _pingrotate pingrotate; fi
`)
	return b.String()
}

func fish(all []completed) string {
	var b strings.Builder
	b.WriteString("# fish completion for pingrotate\ncomplete -c pingrotate -f\n")
	quote := func(s string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
	}
	for _, c := range all {
		fmt.Fprintf(&b, "complete -c pingrotate -n __fish_use_subcommand -a %s -d %s\n", c.name, quote(c.summary))
	}
	for _, c := range all {
		seen := fmt.Sprintf("complete -c pingrotate -n %s", quote("__fish_seen_subcommand_from "+c.name))
		for _, f := range c.flags {
			name := strings.TrimLeft(f.name, "-")
			kind := "-l"
			if len(name) == 1 {
				kind = "-s"
			}
			fmt.Fprintf(&b, "%s %s %s", seen, kind, name)
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(&b, " -x -a %s", quote(strings.Join(f.values, " ")))
			case f.file:
				b.WriteString(" -r -F")
			case f.takes:
				b.WriteString(" -x")
			}
			b.WriteString("\n")
		}
		if len(c.words) > 0 {
			fmt.Fprintf(&b, "%s -a %s\n", seen, quote(strings.Join(c.words, " ")))
		}
	}
	return b.String()
}
