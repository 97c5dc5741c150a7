package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/starter/cli"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help implements kong.HelpProvider.
func (completionCommand) Help() string {
	return `The shell reads it when it starts:

  bash   in ~/.bashrc: source <(orgsync completion bash)
  zsh    in ~/.zshrc, after compinit: source <(orgsync completion zsh)
  fish   orgsync completion fish > ~/.config/fish/completions/orgsync.fish

Examples:

  orgsync completion bash
  orgsync completion zsh
  orgsync completion fish`
}

// Run implements the command.
func (c completionCommand) Run(s *cli.Session, parsed *kong.Context) error {
	var b strings.Builder
	map[string]func(io.Writer, []stage){"bash": writeBash, "zsh": writeZsh, "fish": writeFish}[c.Shell](&b,
		stages(parsed.Model.Node, ""))
	if s.JSON {
		return s.PrintJSON(completionScript{Shell: c.Shell, Script: b.String()})
	}
	s.Printf("%s", strings.TrimRight(b.String(), "\n"))
	return nil
}

// stage is what can be typed next behind a command.
type stage struct {
	// path is the command so far, such as "provider add"; empty at the beginning.
	path    string
	choices []choice
	flags   []choice
}

// choice is a command, a value or a flag that can be typed.
type choice struct {
	word, help string
	// values are those of a flag that has a few; file says that it takes a file's name, free
	// that it takes another value.
	values     []string
	file, free bool
}

// stages goes through the commands of the program.
func stages(node *kong.Node, path string) []stage {
	here := stage{path: path}
	var below []stage
	for _, child := range node.Children {
		if child.Type != kong.CommandNode || child.Hidden {
			continue
		}
		here.choices = append(here.choices, choice{word: child.Name, help: child.Help})
		below = append(below, stages(child, strings.TrimSpace(path+" "+child.Name))...)
	}
	if len(node.Positional) > 0 {
		for _, value := range enumOf(node.Positional[0]) {
			here.choices = append(here.choices, choice{word: value})
		}
	}
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			here.flags = append(here.flags, flagChoices(flag)...)
		}
	}
	return append([]stage{here}, below...)
}

func flagChoices(flag *kong.Flag) []choice {
	c := choice{word: "--" + flag.Name, help: flag.Help, values: enumOf(flag.Value)}
	c.file = strings.Contains(flag.PlaceHolder, "FILE")
	c.free = !flag.IsBool() && !c.file && len(c.values) == 0
	if !flag.IsBool() || flag.Tag.Negatable == "" {
		return []choice{c}
	}
	return []choice{c, {word: "--no-" + flag.Name, help: flag.Help}}
}

func enumOf(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return strings.Split(v.Enum, ",")
}

// commandsOf are the patterns of a path and the word that leads on from it.
func commandsOf(all []stage, quote string) string {
	var patterns []string
	for _, s := range all[1:] {
		before, word := "", s.path
		if i := strings.LastIndex(s.path, " "); i >= 0 {
			before, word = s.path[:i], s.path[i+1:]
		}
		patterns = append(patterns, `"`+before+" "+word+`"`)
	}
	return strings.Join(patterns, quote)
}

const bashHead = `# Lets bash complete orgsync's commands; made by: orgsync completion bash
_orgsync() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at="" word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$at $word" in
            %s) at="${at:+$at }$word" ;;
        esac
    done
    COMPREPLY=()
    case "$at $prev" in
`

func writeBash(w io.Writer, all []stage) {
	fmt.Fprintf(w, bashHead, commandsOf(all, "|"))
	for _, s := range all {
		for _, f := range s.flags {
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(w, "        %q) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", s.path+" "+f.word,
					strings.Join(f.values, " "))
			case f.file:
				fmt.Fprintf(w, "        %q) compopt -o default; return ;;\n", s.path+" "+f.word)
			case f.free:
				fmt.Fprintf(w, "        %q) return ;;\n", s.path+" "+f.word)
			}
		}
	}
	fmt.Fprint(w, "    esac\n    case \"$at\" in\n")
	for _, s := range all {
		var typed []string
		for _, c := range append(s.choices, s.flags...) {
			typed = append(typed, c.word)
		}
		fmt.Fprintf(w, "        %q) COMPREPLY=($(compgen -W %q -- \"$cur\")) ;;\n", s.path, strings.Join(typed, " "))
	}
	fmt.Fprint(w, "    esac\n}\ncomplete -F _orgsync orgsync\n")
}

const zshHead = `#compdef orgsync
# Lets zsh complete orgsync's commands; made by: orgsync completion zsh
_orgsync() {
    local at="" prev=${words[CURRENT-1]} i
    local -a choices
    for (( i = 2; i < CURRENT; i++ )); do
        case "$at ${words[i]}" in
            (%s) at="${at:+$at }${words[i]}" ;;
        esac
    done
    case "$at $prev" in
`

func writeZsh(w io.Writer, all []stage) {
	fmt.Fprintf(w, zshHead, commandsOf(all, "|"))
	for _, s := range all {
		for _, f := range s.flags {
			switch {
			case len(f.values) > 0:
				fmt.Fprintf(w, "        (%q) compadd %s; return ;;\n", s.path+" "+f.word, strings.Join(f.values, " "))
			case f.file:
				fmt.Fprintf(w, "        (%q) _files; return ;;\n", s.path+" "+f.word)
			case f.free:
				fmt.Fprintf(w, "        (%q) return ;;\n", s.path+" "+f.word)
			}
		}
	}
	fmt.Fprint(w, "    esac\n    case \"$at\" in\n")
	for _, s := range all {
		var typed []string
		for _, c := range append(s.choices, s.flags...) {
			typed = append(typed, quoted(strings.TrimSuffix(c.word+":"+strings.ReplaceAll(c.help, ":", `\:`), ":"),
				`'\''`))
		}
		fmt.Fprintf(w, "        (%q) choices=(%s) ;;\n", s.path, strings.Join(typed, " "))
	}
	fmt.Fprint(w, "    esac\n    _describe orgsync choices\n}\ncompdef _orgsync orgsync\n")
}

const fishHead = `# Lets fish complete orgsync's commands; made by: orgsync completion fish
function __orgsync_at
    set -l at ""
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case %s
                set at (string trim "$at $word")
        end
    end
    test "$at" = "$argv"
end
complete -c orgsync -f
`

func writeFish(w io.Writer, all []stage) {
	fmt.Fprintf(w, fishHead, commandsOf(all, " "))
	for _, s := range all {
		line := func(format string, args ...any) {
			fmt.Fprintf(w, "complete -c orgsync -n \"__orgsync_at '%s'\" %s\n", s.path, fmt.Sprintf(format, args...))
		}
		for _, c := range s.choices {
			line("-a %s -d %s", c.word, quoted(c.help, `\'`))
		}
		for _, f := range s.flags {
			takes := ""
			switch {
			case len(f.values) > 0:
				takes = "-x -a " + quoted(strings.Join(f.values, " "), `\'`) + " "
			case f.file:
				takes = "-r -F "
			case f.free:
				takes = "-x "
			}
			line("-l %s %s-d %s", strings.TrimPrefix(f.word, "--"), takes, quoted(f.help, `\'`))
		}
	}
}

// quoted puts a text in single quotes; apostrophe is how the shell has one among them.
func quoted(text, apostrophe string) string {
	return "'" + strings.ReplaceAll(text, "'", apostrophe) + "'"
}
